import { pino } from 'pino';
import { type ControlPlane, startControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { Reflector } from '../../../src/kube/cache/reflector.ts';
import { Store } from '../../../src/kube/cache/store.ts';
import { KubeClient } from '../../../src/kube/client/client.ts';
import { Transport } from '../../../src/kube/client/transport.ts';
import { type KubeObject, type Resource, type Stored, storedMeta } from '../../../src/object/object.ts';
import { adminConfig, type FaultProxy, type ProxiedRequest, startFaultProxy } from '../faults/index.ts';
import { until } from '../until.ts';

export const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' };
export const NAMESPACE = 'default';
/** More than one page. */
const OBJECTS = 520;

/** A control plane with some hundred ConfigMaps, and a client that does not use a proxy. */
export class FaultyCluster implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly direct: KubeClient;
  readonly #transport: Transport;
  #names = 0;

  private constructor(controlPlane: ControlPlane) {
    this.controlPlane = controlPlane;
    this.#transport = new Transport(adminConfig(controlPlane));
    this.direct = new KubeClient({ transport: this.#transport, fieldManager: 'direct' });
  }

  static async start(...extraApiServerArgs: readonly string[]): Promise<FaultyCluster> {
    const log = (line: string) => process.stderr.write(`${line}\n`);
    const cluster = new FaultyCluster(await startControlPlane({ auditLog: false, extraApiServerArgs, log }));
    await Promise.all(Array.from({ length: OBJECTS }, (_, index) => cluster.create(`there-${index}`)));
    return cluster;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport.close();
    await this.controlPlane.stop();
  }

  create(name: string): Promise<KubeObject> {
    return this.direct.create<KubeObject>(CONFIG_MAPS, configMap(name));
  }

  async remove({ metadata }: KubeObject): Promise<void> {
    const { namespace = '', name, uid = '', resourceVersion = '' } = metadata;
    await this.direct.delete(CONFIG_MAPS, { namespace, name, uid, resourceVersion });
  }

  /** Creates, changes, deletes and recreates an object. */
  async changeSomething(): Promise<void> {
    this.#names += 1;
    const [gone, again] = [
      await this.create(`gone-${this.#names}`),
      await this.create(`again-${this.#names}`),
    ];
    await this.create(`came-${this.#names}`);
    const place = { namespace: NAMESPACE, name: 'there-0' };
    await this.direct.patch(CONFIG_MAPS, place, { data: { change: `${this.#names}` } });
    await this.remove(gone);
    await this.remove(again);
    await this.create(`again-${this.#names}`);
  }

  /** Name, uid and resource version of each ConfigMap, sorted. */
  async truth(): Promise<readonly string[]> {
    const all: string[] = [];
    let next: string | undefined;
    do {
      const page = await this.direct.list(CONFIG_MAPS, { namespace: NAMESPACE }, next);
      all.push(...page.items.map((object) => identity(storedMeta(object))));
      next = page.next;
    } while (next !== undefined);
    return all.toSorted();
  }

  /**
   * Creates a client behind a proxy of its own.
   *
   * @param watchSilenceMs - after this time without an event, the client gives up a watch; the client's default if
   * undefined
   */
  async behindProxy(watchSilenceMs?: number): Promise<ProxiedCluster> {
    const requests: ProxiedRequest[] = [];
    const onRequest = (request: ProxiedRequest) => requests.push(request);
    const proxy = await startFaultProxy(this.controlPlane, { seed: 1, onRequest });
    return new ProxiedCluster(this, { proxy, requests }, watchSilenceMs);
  }
}

/** A client behind a fault proxy. */
export class ProxiedCluster implements AsyncDisposable {
  readonly proxy: FaultProxy;
  /** The requests that arrived at the proxy, oldest first. */
  readonly requests: readonly ProxiedRequest[];
  readonly transport: Transport;
  readonly client: KubeClient;
  readonly #cluster: FaultyCluster;

  constructor(
    cluster: FaultyCluster,
    { proxy, requests }: { readonly proxy: FaultProxy; readonly requests: readonly ProxiedRequest[] },
    watchSilenceMs: number | undefined,
  ) {
    this.#cluster = cluster;
    this.proxy = proxy;
    this.requests = requests;
    this.transport = new Transport(adminConfig(cluster.controlPlane, proxy));
    const patience = watchSilenceMs === undefined ? {} : { watchSilenceMs };
    this.client = new KubeClient({ transport: this.transport, fieldManager: 'proxied', ...patience });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.transport.close();
    await this.proxy.stop();
  }

  /** Follows the ConfigMaps. `changes` counts the notifications of the store. */
  reflect(): { store: Store<Stored>; reflector: Reflector<Stored>; changes: () => number } {
    const store = new Store<Stored>({});
    let changes = 0;
    store.onChange(() => {
      changes += 1;
    });
    const reflector = new Reflector({
      client: this.client,
      resource: CONFIG_MAPS,
      selection: { namespace: NAMESPACE },
      project: storedMeta,
      store,
      log: pino({ level: 'silent' }),
    });
    reflector.start();
    return { store, reflector, changes: () => changes };
  }

  /** Waits until a store holds what the API server currently has. */
  async untilEqual(store: Store<Stored>): Promise<void> {
    const expected = await this.#cluster.truth();
    const equals = () => {
      const held = [...store.values()].map(identity).toSorted();
      if (held.length === expected.length && held.every((one, index) => one === expected[index])) return true;
      throw new Error(
        `expected ${expected.length} objects in the store, found ${held.length}; ${this.proxy.report}`,
      );
    };
    await until(equals, 'the store to hold what the API server has', 60);
  }
}

export function configMap(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: NAMESPACE, name } };
}

function identity({ name, uid, resourceVersion }: Stored): string {
  return `${name} ${uid} ${resourceVersion}`;
}
