import assert from 'node:assert/strict';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { pino } from 'pino';
import { type ControlPlane, startControlPlane } from '../../hack/control-plane.ts';
import {
  hasReason,
  KubeClient,
  type KubeObject,
  Reflector,
  type Resource,
  Store,
  type Stored,
  storedMeta,
  Transport,
} from '../../src/kube/index.ts';
import {
  adminConfig,
  type Fault,
  type FaultProxy,
  isFreshList,
  isList,
  isNextPage,
  isWatch,
  type Matches,
  type ProxiedRequest,
  startFaultProxy,
} from '../faults/index.ts';
import { until } from '../until.ts';

const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' };
const SILENT = pino({ level: 'silent' });
const NAMESPACE = 'default';
/** More than a page. */
const OBJECTS = 520;
const POOL = 16;

describe('src/kube behind a proxy that injects faults', () => {
  let controlPlane: ControlPlane;
  let proxy: FaultProxy;
  let requests: ProxiedRequest[];
  let directTransport: Transport;
  /** Not behind the proxy. */
  let direct: KubeClient;
  let transport: Transport;
  let client: KubeClient;
  let names = 0;

  before(async () => {
    controlPlane = await startControlPlane({
      auditLog: false,
      log: (line) => process.stderr.write(`${line}\n`),
    });
    directTransport = new Transport(adminConfig(controlPlane));
    direct = new KubeClient({ transport: directTransport, fieldManager: 'direct' });
    await Promise.all(Array.from({ length: OBJECTS }, (_, index) => create(`there-${index}`)));
  });
  after(async () => {
    await directTransport?.close();
    await controlPlane?.stop();
  });
  beforeEach(async () => {
    requests = [];
    proxy = await startFaultProxy(controlPlane, { seed: 1, onRequest: (one) => requests.push(one) });
    transport = new Transport(adminConfig(controlPlane, proxy));
    client = new KubeClient({ transport, fieldManager: 'proxied' });
  });
  afterEach(async () => {
    await transport?.close();
    await proxy?.stop();
  });

  function create(name: string): Promise<KubeObject> {
    return direct.create<KubeObject>(CONFIG_MAPS, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: NAMESPACE, name },
    });
  }

  async function remove({ metadata }: KubeObject): Promise<void> {
    const { namespace = '', name, uid = '', resourceVersion = '' } = metadata;
    await direct.delete(CONFIG_MAPS, { namespace, name, uid, resourceVersion });
  }

  /** Something comes, something changes, something goes and something is recreated. */
  async function changeSomething(): Promise<void> {
    names += 1;
    const [gone, again] = [await create(`gone-${names}`), await create(`again-${names}`)];
    await create(`came-${names}`);
    await direct.patch(
      CONFIG_MAPS,
      { namespace: NAMESPACE, name: 'there-0' },
      { data: { change: `${names}` } },
    );
    await remove(gone);
    await remove(again);
    await create(`again-${names}`);
  }

  async function truth(): Promise<readonly string[]> {
    const all: string[] = [];
    let next: string | undefined;
    do {
      const page = await direct.list(CONFIG_MAPS, { namespace: NAMESPACE }, next);
      all.push(...page.items.map((object) => identity(storedMeta(object))));
      next = page.next;
    } while (next !== undefined);
    return all.toSorted();
  }

  function reflect(): { store: Store<Stored>; reflector: Reflector<Stored>; changes: () => number } {
    const store = new Store<Stored>({});
    let changes = 0;
    store.onChange(() => {
      changes += 1;
    });
    const reflector = new Reflector({
      client,
      resource: CONFIG_MAPS,
      selection: { namespace: NAMESPACE },
      project: storedMeta,
      store,
      log: SILENT,
    });
    reflector.start();
    return { store, reflector, changes: () => changes };
  }

  async function untilEqual(store: Store<Stored>): Promise<void> {
    const expected = await truth();
    await until(
      () => {
        const held = [...store.values()].map(identity).toSorted();
        if (held.length !== expected.length || held.some((one, index) => one !== expected[index])) {
          throw new Error(`it holds ${held.length} objects, expected ${expected.length}; ${proxy.report}`);
        }
        return true;
      },
      'the store to hold what the API server has',
      60,
    );
  }

  describe('a store holds what the API server has in the end', () => {
    const statuses: readonly Fault[] = [
      { kind: 'status', code: 410 },
      { kind: 'status', code: 429, retryAfterSeconds: 1 },
      { kind: 'overload' },
      { kind: 'status', code: 500 },
      { kind: 'status', code: 503 },
      { kind: 'status', code: 503, retryAfterSeconds: 1 },
    ];
    const connections: readonly Fault[] = [
      { kind: 'cut-before' },
      { kind: 'cut-after' },
      { kind: 'cut-mid-line', afterLines: 0 },
      { kind: 'slow', bytesPerSecond: 500_000 },
      { kind: 'close' },
    ];
    const underWay: readonly Fault[] = [
      { kind: 'cut-mid-line', afterLines: 3 },
      { kind: 'expire', afterLines: 0 },
      { kind: 'expire', afterLines: 2 },
    ];
    const cases: readonly (readonly [string, readonly Fault[], Matches])[] = [
      ['the first list', [...statuses, ...connections], isFreshList],
      ['the next page', [...statuses, ...connections], isNextPage],
      ['a watch', [...statuses, ...connections, ...underWay], isWatch],
    ];
    for (const [what, faults, matches] of cases) {
      for (const fault of faults) {
        it(`${JSON.stringify(fault)} for ${what}`, { skip: unreachable(matches) }, async () => {
          const injected = proxy.once(fault, matches);
          const { store, reflector } = reflect();
          // What is under way in a watch needs something to come.
          const changing = reflector.synced.then(changeSomething);
          await Promise.all([injected, changing]);
          await untilEqual(store);
          await reflector.stop();
          assert.deepEqual(Object.values(proxy.counts), [1]);
        });
      }
    }
  });
