import assert from 'node:assert/strict';
import {
  HELD_ANNOTATION,
  imageCredentialBindings,
  MANAGED_BY,
  MANAGED_BY_LABEL,
} from '../../../src/api/index.ts';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { SCANS } from '../../../src/object/resources.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import { until } from '../until.ts';
import { type Binding, SECRETS, type TestNamespace } from './cluster.ts';
import { createPod, PODS, type PodShape } from './pods.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };
const APP = 'reg.example/app';
const MARK = 'credentials.securecodebox.io/binding';
const ENABLED = { 'auto-discovery.securecodebox.io/enabled': 'true' };

/** The settings of the controller. */
export interface LifeSettings {
  readonly discovery: 'off' | 'on' | 'marking';
  readonly admission: boolean;
  /** Whether scans mount their pull secrets themselves. */
  readonly direct?: boolean | undefined;
}

/**
 * Everything that a controller may have to do in a namespace. The grace period of unused Secrets must be a second or
 * two.
 */
export class Life {
  readonly #client: KubeClient;
  readonly #namespace: TestNamespace;
  readonly #discovery: LifeSettings['discovery'];
  readonly #admission: boolean;
  readonly #direct: boolean;

  constructor(
    client: KubeClient,
    namespace: TestNamespace,
    { discovery, admission, direct = false }: LifeSettings,
  ) {
    this.#client = client;
    this.#namespace = namespace;
    this.#discovery = discovery;
    this.#admission = admission;
    this.#direct = direct;
  }

  /** Creates what may exist before the controller starts. The namespace must be opted in to discovery. */
  async prepare(): Promise<void> {
    const namespace = this.#namespace;
    for (const name of ['pull', 'moving', 'leaving']) await namespace.pullSecret(name, AUTHS);
    await namespace.put(SECRETS, {
      metadata: {
        name: 'annotated',
        annotations: { 'credentials.securecodebox.io/registries': 'reg.example' },
      },
      type: 'kubernetes.io/basic-auth',
      data: { username: btoa('user'), password: btoa('pass') },
    });
    await namespace.scan('scan', [`${APP}:1.0`]);
    await namespace.scan('leaving', ['reg.example/leaving:1']);
    await namespace.scan('moving', ['reg.example/old:1'], {
      spec: { suspend: false, interval: undefined, schedule: '0 0 1 1 *' },
    });
    for (const name of ['leaving', 'annotated'])
      await namespace.binding(name, { image: `reg.example/${name}`, imagePullSecrets: [{ name }] });
    await namespace.binding('moving', {
      image: 'reg.example/new',
      replaces: ['reg.example/old'],
      imagePullSecrets: [{ name: 'moving' }],
    });
    if (this.#discovery === 'off') return namespace.binding('app', { image: APP });
    await this.#pod('app-1', { secrets: ['pull'] });
    const ignored = { 'auto-discovery.securecodebox.io/ignore': 'true' };
    await this.#pod('ignored', { image: 'reg.example/ignored', secrets: ['pull'], annotations: ignored });
  }

  /** Makes changes while the controller runs, and waits for all their effects. */
  async run(): Promise<void> {
    const namespace = this.#namespace;
    // The credential of a credential Secret can only be copied.
    await namespace.condition('annotated', 'Ready', this.#direct ? 'False NotDirect' : 'True Ready');
    const { secretName } = await namespace.bound('scan');
    if (this.#admission) await this.#resume();
    const left = await namespace.bound('leaving');
    await namespace.delete(imageCredentialBindings, 'leaving');
    await namespace.pullSecret('pull', { 'reg.example': { auth: btoa('user:new') } });
    if (this.#discovery !== 'off') await this.#discover();
    if (!this.#direct) await this.#copied(secretName, left.secretName);
    else assert.deepEqual([secretName, left.secretName], ['pull', 'leaving']);
    await until(
      async () => (await namespace.rawScan('moving')).status?.lastScheduleTime,
      'the run to be requested',
    );
  }

  /** Waits until a Trivy Secret has the new password, and an unused one is deleted. */
  async #copied(changed: string, unused: string): Promise<void> {
    await until(
      async () => JSON.stringify(await this.#namespace.trivyConfig(changed)).includes(btoa('user:new')),
      'the new password',
    );
    await until(
      async () => (await this.#namespace.get(SECRETS, unused)) === undefined,
      'the unused Secret to be deleted',
    );
  }

  /** Creates a Scan that the webhook has held, and waits until the leader resumes it. */
  async #resume(): Promise<void> {
    await this.#namespace.put(SCANS, {
      metadata: { name: 'held', annotations: { [HELD_ANNOTATION]: 'resume' } },
      spec: { scanType: 'trivy-image', parameters: [`${APP}:1.0`], suspend: true },
    });
    await until(
      async () => (await this.#namespace.get<RawScan>(SCANS, 'held'))?.spec.suspend === false,
      'the held Scan to be resumed',
    );
  }

  async #discover(): Promise<void> {
    assert.deepEqual(
      (await this.#discovered()).map(({ spec }) => spec.image),
      [APP],
    );
    await this.#pod('app-2', { secrets: ['spare'] });
    await until(
      async () => (await this.#discovered())[0]?.spec.imagePullSecrets.length === 2,
      'the binding to name the pull secrets of both pods',
    );
    if (this.#discovery === 'marking') {
      await until(
        async () => (await this.#namespace.get(PODS, 'app-1'))?.metadata.annotations?.[MARK] !== undefined,
        'the pod to be marked',
      );
    }
    await this.#namespace.binding('mine', { image: APP });
    await until(
      async () => (await this.#discovered()).length === 0,
      'the discovered binding to be deleted in favor of the user-created one',
    );
  }

  async #pod(name: string, shape: Partial<PodShape>): Promise<void> {
    const { name: namespace } = this.#namespace;
    await createPod(this.#client, {
      ...{ namespace, name, deployment: name, image: `${APP}:1.0`, annotations: ENABLED },
      ...shape,
    });
  }

  async #discovered(): Promise<readonly Binding[]> {
    const labelSelector = `${MANAGED_BY_LABEL}=${MANAGED_BY}`;
    const { name: namespace } = this.#namespace;
    const { items } = await this.#client.list(imageCredentialBindings, { namespace, labelSelector });
    // The API server has validated them.
    return items as readonly Binding[];
  }
}
