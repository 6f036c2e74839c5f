import { imageCredentialBindings, RUN_ANNOTATION } from '../../../src/api/index.ts';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import type { KubeObject, Resource } from '../../../src/object/object.ts';
import { formatRunRequest, requestRun } from '../../../src/scan/run-request.ts';
import type { RawScheduledScan } from '../../../src/scan/scheduled-scan.ts';
import { TRIVY_SECRETS } from '../../bench/estate/bare.ts';
import { authIn, HOST, pullSecretData } from '../../bench/estate/secrets.ts';
import { watching } from '../../bench/estate/watching.ts';
import {
  type Binding,
  type Cluster,
  SCHEDULED_SCANS,
  SECRETS,
  secretNameOf,
  TestNamespace,
} from '../cluster/cluster.ts';

/** Repository in the shared registry. Each check uses its own. */
export const repositoryOf = (index: number) => `victim/app-${index}`;

/** The shared registry and the victim's credential for it. */
export interface VictimRegistry {
  readonly host: string;
  readonly username: string;
  readonly password: string;
}

interface VictimOptions {
  /** Name of an empty namespace. */
  readonly name: string;
  readonly registry: VictimRegistry;
  /** Upper bound of the numbers of the tasks. */
  readonly samples: number;
}

/**
 * A namespace whose owner does ordinary tasks. Each task has a number, which is used once. The task resolves when the
 * controller has done its part, and rejects if the signal is aborted first.
 */
export class Victim implements AsyncDisposable {
  readonly #client: KubeClient;
  readonly #namespace: TestNamespace;
  readonly #options: VictimOptions;
  readonly #watches: AsyncDisposableStack;
  /** Callbacks by the state that they wait for. */
  readonly #waiting = new Map<string, () => void>();

  private constructor(cluster: Cluster, options: VictimOptions) {
    this.#client = cluster.client;
    this.#namespace = new TestNamespace(options.name, cluster);
    this.#options = options;
    this.#watches = new AsyncDisposableStack();
  }

  static async start(cluster: Cluster, options: VictimOptions): Promise<Victim> {
    const victim = new Victim(cluster, options);
    await victim.#watch();
    await victim.#prepare();
    return victim;
  }

  /** A binding is applied → its ScheduledScan mounts the Trivy Secret. */
  async bind(index: number, signal: AbortSignal): Promise<void> {
    const name = `bound-${index}`;
    const bound = this.#seen(`bound ${name}`, signal);
    await this.#namespace.scan(name, [`${HOST}/${name}:1`]);
    await this.#namespace.binding(name, { image: `${HOST}/${name}` });
    await bound;
  }

  /** The password in a pull secret is changed → the Trivy Secret has it. */
  async rotate(index: number, signal: AbortSignal): Promise<void> {
    const auth = btoa(`user:${index}`);
    const delivered = this.#seen(`delivered ${auth}`, signal);
    const place = { namespace: this.#namespace.name, name: `pull-${index}` };
    await this.#client.patch(SECRETS, place, { data: pullSecretData(auth) });
    await delivered;
  }

  /** A binding for a new repository is applied → the registry has accepted its credential. */
  async check(index: number, signal: AbortSignal): Promise<void> {
    const name = `checked-${index}`;
    const accepted = this.#seen(`accepted ${name}`, signal);
    await this.#namespace.binding(name, {
      image: `${this.#options.registry.host}/${repositoryOf(index)}`,
      imagePullSecrets: [{ name: 'registry' }],
      verification: 'Required',
    });
    await accepted;
  }

  /** A run is requested → the controller has started it. */
  async run(index: number, signal: AbortSignal): Promise<void> {
    const name = `run-${index}`;
    const started = this.#seen(`started ${name}`, signal);
    const annotations = { [RUN_ANNOTATION]: formatRunRequest(requestRun('Migrated', Date.now())) };
    const spec = { suspend: false, schedule: '0 0 1 1 *' };
    await this.#namespace.scan(name, [`${HOST}/runs:1`], { metadata: { annotations }, spec });
    await started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watches[Symbol.asyncDispose]();
  }

  async #watch(): Promise<void> {
    const namespace = this.#namespace.name;
    const watch = async (resource: Resource, see: (object: KubeObject) => void, labelSelector?: string) => {
      const selection = { namespace, ...(labelSelector === undefined ? {} : { labelSelector }) };
      this.#watches.use(await watching<KubeObject>(this.#client, { resource, selection }, see));
    };
    // Each watch delivers objects of its resource.
    await watch(SCHEDULED_SCANS, (scan) => this.#seeScan(scan as unknown as RawScheduledScan));
    await watch(imageCredentialBindings, (binding) => this.#seeBinding(binding as Binding));
    await watch(
      SECRETS,
      (secret) => this.#reached(`delivered ${authIn(secret)}`),
      TRIVY_SECRETS.selection?.labelSelector,
    );
  }

  async #prepare(): Promise<void> {
    const { registry, samples } = this.#options;
    const auth = btoa(`${registry.username}:${registry.password}`);
    await this.#namespace.pullSecret('pull', { [HOST]: { auth: btoa('user:first') } });
    await this.#namespace.pullSecret('registry', { [registry.host]: { auth } });
    await this.#namespace.binding('runs', { image: `${HOST}/runs` });
    for (let index = 0; index < samples; index += 1) {
      const [name, image] = [`rotated-${index}`, `${HOST}/rotated-${index}`];
      const imagePullSecrets = [{ name: `pull-${index}` }];
      await this.#namespace.pullSecret(`pull-${index}`, { [HOST]: { auth: btoa(`user:before-${index}`) } });
      await this.#namespace.scan(name, [`${image}:1`]);
      await this.#namespace.binding(name, { image, imagePullSecrets });
    }
  }

  #seeScan(scan: RawScheduledScan): void {
    const { name } = scan.metadata;
    if (secretNameOf(scan) !== undefined) this.#reached(`bound ${name}`);
    if (scan.status?.lastScheduleTime !== undefined) this.#reached(`started ${name}`);
  }

  #seeBinding({ metadata, status }: Binding): void {
    const verified = status?.conditions?.find(({ type }) => type === 'CredentialVerified');
    if (verified?.status === 'True') this.#reached(`accepted ${metadata.name}`);
  }

  #reached(what: string): void {
    this.#waiting.get(what)?.();
    this.#waiting.delete(what);
  }

  #seen(what: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = () => reject(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    this.#waiting.set(what, () => {
      signal.removeEventListener('abort', giveUp);
      resolve();
    });
    // It may reject before it is awaited.
    promise.catch(() => undefined);
    return promise;
  }
}
