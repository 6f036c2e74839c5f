import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { imageCredentialBindings } from '../../../src/api/index.ts';
import {
  CertificateFolder,
  createScan,
  grantAdmission,
  registerWebhook,
  secretOf,
  startAdmitting,
  untilCalled,
} from '../../support/cluster/admission.ts';
import { type Binding, Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';
import { until } from '../../support/until.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };
/** How long another program applies the ScheduledScan every second. */
const SECONDS = Number(process.env['OPPONENT_SECONDS'] ?? 10);

const scanSpec = { scanType: 'trivy-image', parameters: ['reg.example/app:1.0'] };

/** Applies a ScheduledScan as a program does that applies it from Git. Fails if there is a conflict. */
async function apply(
  { controlPlane }: Cluster,
  namespace: string,
  { manager, annotations = {}, force = false }: Applying,
): Promise<void> {
  const object = {
    apiVersion: 'execution.securecodebox.io/v1',
    kind: 'ScheduledScan',
    metadata: { name: 'scan', namespace, annotations },
    // An empty list takes the field, so that entries of others are removed.
    spec: {
      interval: '12h',
      suspend: true,
      scanSpec: force ? { ...scanSpec, env: [], volumes: [], volumeMounts: [] } : scanSpec,
    },
  };
  await controlPlane.kubectl(
    [
      ...['apply', '--server-side', `--field-manager=${manager}`, '-f', '-'],
      ...(force ? ['--force-conflicts'] : []),
    ],
    { input: JSON.stringify(object) },
  );
}

interface Applying {
  readonly manager: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Takes all fields, as a program does that reverts what others write. */
  readonly force?: boolean;
}

const ARGO: Applying = {
  manager: 'argocd-controller',
  annotations: { 'argocd.argoproj.io/tracking-id': 'apps:execution.securecodebox.io/ScheduledScan:x/scan' },
};

describe('a ScheduledScan that another program applies', () => {
  let cluster: Cluster;
  let certificates: CertificateFolder;

  before(async () => {
    cluster = await Cluster.start();
    await grantAdmission(cluster);
    certificates = await CertificateFolder.create(cluster, 'certificates');
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  async function withSecret(): Promise<TestNamespace> {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    return namespace;
  }

  /** The controller's writes of ScheduledScans in a namespace. */
  async function writes({ name }: TestNamespace, from: number): Promise<readonly string[]> {
    const events = await cluster.writesOfController(from);
    return events
      .filter(({ objectRef }) => objectRef?.resource === 'scheduledscans' && objectRef.namespace === name)
      .map(({ verb, objectRef }) => `${verb} ${objectRef?.subresource ?? ''}`);
  }

  it('is not written with the webhook, and meets neither conflict nor drift', async () => {
    const { ca } = await certificates.renew();
    const controller = await startAdmitting(cluster, certificates);
    await registerWebhook(cluster, { url: controller.webhook, ca });
    await untilCalled(cluster, controller);
    const namespace = await withSecret();
    const from = (await cluster.controlPlane.auditEvents()).length;
    await apply(cluster, namespace.name, ARGO);
    const { spec, metadata } = await namespace.rawScan('scan');
    await namespace.binding('app');
    const ready = await namespace.condition('app', 'Ready', 'True Ready');
    assert.equal(ready.status?.scans?.bound, 1);
    for (let second = 0; second < SECONDS; second += 1) {
      await apply(cluster, namespace.name, ARGO);
      await delay(1_000);
    }
    const present = await namespace.rawScan('scan');
    assert.deepEqual(present.spec, spec);
    assert.deepEqual(present.metadata.annotations, metadata.annotations);
    assert.deepEqual(await writes(namespace, from), []);
    assert.ok(secretOf(await createScan(cluster, namespace.name)));
    await controller.process.stop();
  });

  it('makes the controller back off without the webhook, and the binding names the opponent', async () => {
    const controller = await cluster.startController();
    const namespace = await withSecret();
    const opponent: Applying = { manager: 'opponent', force: true };
    await apply(cluster, namespace.name, opponent);
    const from = (await cluster.controlPlane.auditEvents()).length;
    await namespace.binding('app');
    let isOver = false;
    const opposing = (async () => {
      while (!isOver) await apply(cluster, namespace.name, opponent);
    })();
    const binding = await until(
      async () => {
        const found = await namespace.get<Binding>(imageCredentialBindings, 'app');
        const [reverted] = found?.status?.revertedWrites ?? [];
        return reverted !== undefined && reverted.reversions >= 5 ? found : undefined;
      },
      'the controller to back off',
      120,
    );
    // After the fifth reversion, the next write follows 20 seconds later.
    const before = (await writes(namespace, from)).length;
    await delay(10_000);
    assert.equal((await writes(namespace, from)).length, before);
    isOver = true;
    await opposing;
    assert.equal(binding.status?.revertedWrites?.[0]?.fieldManager, 'opponent');
    const ready = binding.status?.conditions?.find(({ type }) => type === 'Ready');
    assert.equal(`${ready?.status} ${ready?.reason}`, 'False WritesReverted');
    assert.match(ready?.message ?? '', /field manager opponent reverts/);
    await controller.process.stop();
  });
});
