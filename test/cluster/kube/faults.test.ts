import assert from 'node:assert/strict';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { hasReason, KubeError } from '../../../src/kube/errors.ts';
import type { Resource } from '../../../src/object/object.ts';
import {
  CONFIG_MAPS,
  type configMap,
  FaultyCluster,
  NAMESPACE,
  type ProxiedCluster,
} from '../../support/cluster/faulty.ts';
import {
  type Fault,
  isFreshList,
  isNextPage,
  isWatch,
  isWrite,
  type Matches,
} from '../../support/faults/index.ts';
import { until } from '../../support/until.ts';

const POOL = 16;
const THERE = { namespace: NAMESPACE, name: 'there-1' };
const SECRETS: Resource = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' };

const STATUSES: readonly Fault[] = [
  { kind: 'status', code: 410 },
  { kind: 'status', code: 429, retryAfterSeconds: 1 },
  { kind: 'overload' },
  { kind: 'status', code: 500 },
  { kind: 'status', code: 503 },
  { kind: 'status', code: 503, retryAfterSeconds: 1 },
];
const CONNECTIONS: readonly Fault[] = [
  { kind: 'cut-before' },
  { kind: 'cut-after' },
  { kind: 'cut-mid-line', afterLines: 0 },
  { kind: 'slow', bytesPerSecond: 500_000 },
  { kind: 'close' },
];
const UNDER_WAY: readonly Fault[] = [
  { kind: 'cut-mid-line', afterLines: 3 },
  { kind: 'expire', afterLines: 0 },
  { kind: 'expire', afterLines: 2 },
];

/** A watch that does not begin with a list. */
const isLaterWatch: Matches = (one) => isWatch(one) && !isFreshList(one);

describe('src/kube behind a proxy that injects faults', () => {
  let cluster: FaultyCluster;
  let behind: ProxiedCluster;

  before(async () => {
    cluster = await FaultyCluster.start();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    behind = await cluster.behindProxy();
  });
  afterEach(async () => behind?.[Symbol.asyncDispose]());

  describe('a store ends with the state of the API server', () => {
    for (const fault of [...STATUSES, ...CONNECTIONS]) {
      it(`after a list with the fault ${JSON.stringify(fault)}`, () =>
        survives(cluster, behind, fault, isFreshList));
    }

    for (const fault of [...STATUSES, ...CONNECTIONS, ...UNDER_WAY]) {
      it(`after a watch from a resource version with the fault ${JSON.stringify(fault)}`, () =>
        survives(cluster, behind, fault, isLaterWatch));
    }

    it('after a time in which all connections are refused', async () => {
      const { store, reflector } = behind.reflect();
      await reflector.synced;
      behind.proxy.refuse();
      behind.proxy.cutAll();
      await cluster.changeSomething();
      await behind.proxy.accept();
      await behind.untilEqual(store);
      await reflector.stop();
    });

    it('after a silent watch, once its connection is cut', async () => {
      const silent = behind.proxy.once({ kind: 'silence', afterLines: 0 }, isLaterWatch);
      const { store, reflector } = behind.reflect();
      await beginLaterWatch(behind, reflector.synced);
      await silent;
      await cluster.changeSomething();
      behind.proxy.cutAll();
      await behind.untilEqual(store);
      await reflector.stop();
    });

    it('after a silent watch that the client gives up', async () => {
      await using impatient = await cluster.behindProxy(1_000);
      const silent = impatient.proxy.once({ kind: 'silence', afterLines: 0 }, isLaterWatch);
      const { store, reflector } = impatient.reflect();
      await beginLaterWatch(impatient, reflector.synced);
      await silent;
      await cluster.changeSomething();
      await impatient.untilEqual(store);
      await reflector.stop();
    });

    it('after a streaming list whose last bookmark is missing and that the client gives up', async () => {
      await using impatient = await cluster.behindProxy(1_000);
      const dropped = impatient.proxy.once({ kind: 'drop-bookmarks' }, isFreshList);
      const { store, reflector } = impatient.reflect();
      await dropped;
      await reflector.synced;
      await impatient.untilEqual(store);
      assert.equal(impatient.requests.filter(isFreshList).length, 2);
      await reflector.stop();
    });

    it('even if all watches stay silent, because the reflector lists again', async () => {
      await using impatient = await cluster.behindProxy(500);
      impatient.proxy.rules = [
        { fault: { kind: 'silence', afterLines: 0 }, probability: 1, when: isLaterWatch },
      ];
      const { store, reflector } = impatient.reflect();
      await beginLaterWatch(impatient, reflector.synced);
      await cluster.changeSomething();
      await impatient.untilEqual(store);
      await reflector.stop();
    });

    it('even if bookmarks never arrive', async () => {
      behind.proxy.rules = [{ fault: { kind: 'drop-bookmarks' }, probability: 1, when: isLaterWatch }];
      const { store, reflector } = behind.reflect();
      await beginLaterWatch(behind, reflector.synced);
      await cluster.changeSomething();
      await behind.untilEqual(store);
      await reflector.stop();
    });

    it('even if the bookmark that ends a streaming list never arrives, and does not report a complete list before', async () => {
      const fault = { kind: 'drop-bookmarks', only: 'initial-events-end' } as const;
      behind.proxy.rules = [{ fault, probability: 1 }];
      const { store, reflector } = behind.reflect();
      await until(() => behind.requests.some(isFreshList), 'a list');
      // A reflector that lists in pages needs no such bookmark.
      if (behind.requests.some((one) => isWatch(one) && isFreshList(one))) {
        await until(() => Object.keys(behind.proxy.counts).length > 0, 'the bookmark to be dropped');
        assert.equal(reflector.hasSynced, false);
      }
      behind.proxy.rules = [];
      behind.proxy.cutAll();
      await cluster.changeSomething();
      await behind.untilEqual(store);
      await reflector.synced;
      await reflector.stop();
    });

    it('even if the API server stops and restarts in the middle of changes', async () => {
      const { store, reflector } = behind.reflect();
      await reflector.synced;
      await cluster.changeSomething();
      const restarted = cluster.controlPlane.restartApiServer();
      await until(() => behind.proxy.connections.open === 0, 'the watch to end');
      await restarted;
      await until(() => cluster.changeSomething().then(() => true), 'the API server to accept writes');
      await behind.untilEqual(store);
      await reflector.stop();
    });

    it('even if its resource version is gone because etcd was compacted and the API server restarted', async () => {
      const { store, reflector } = behind.reflect();
      await reflector.synced;
      await cluster.changeSomething();
      await behind.untilEqual(store);
      const { length: before_ } = behind.requests.filter(isFreshList);
      behind.proxy.refuse();
      behind.proxy.cutAll();
      const last = [...store.values()].map(({ resourceVersion }) => Number(resourceVersion));
      await cluster.changeSomething();
      const { resourceVersion } = await cluster.direct.list(CONFIG_MAPS, { namespace: NAMESPACE });
      await compactEtcd(cluster.controlPlane.directory, resourceVersion);
      await cluster.controlPlane.restartApiServer();
      await until(
        () => expires(cluster, String(Math.max(...last))),
        'the API server to answer that the version has expired',
      );
      await behind.proxy.accept();
      await behind.untilEqual(store);
      assert.ok(behind.requests.filter(isFreshList).length > before_, 'it has listed again');
      await reflector.stop();
    });
  });

  describe('a request', () => {
    it('distinguishes a write that the API server refused from one with an unknown outcome', async () => {
      const cases: readonly (readonly [Fault, string, number])[] = [
        [{ kind: 'status', code: 409 }, 'Conflict', 409],
        [{ kind: 'status', code: 500 }, 'InternalError', 500],
        [{ kind: 'cut-after' }, 'Unreachable', 0],
      ];
      for (const [fault, reason, status] of cases) {
        const injected = behind.proxy.once(fault, isWrite);
        await assert.rejects(
          behind.client.patch(CONFIG_MAPS, THERE, { data: { fault: reason } }),
          (error) => hasReason(error, reason) && error.status === status,
        );
        await injected;
        const { data } = await cluster.direct.get<
          { data?: Record<string, string> } & ReturnType<typeof configMap>
        >(CONFIG_MAPS, THERE);
        assert.equal(data?.['fault'] === reason, fault.kind === 'cut-after', reason);
      }
    });

    const afterwards: readonly (readonly [string, Fault, read: number, write: number])[] = [
      ['429 with Retry-After', { kind: 'status', code: 429, retryAfterSeconds: 1 }, 2, 2],
      ['429 of an overloaded API server', { kind: 'overload' }, 2, 2],
      ['503 with Retry-After', { kind: 'status', code: 503, retryAfterSeconds: 1 }, 2, 2],
      ['503', { kind: 'status', code: 503 }, 2, 1],
      ['500', { kind: 'status', code: 500 }, 2, 1],
      ['a cut before the request was read', { kind: 'cut-before' }, 2, 1],
      ['a cut after the request was executed', { kind: 'cut-after' }, 2, 1],
      ['a cut in the response', { kind: 'cut-mid-line', afterLines: 0 }, 2, 1],
      ['409', { kind: 'status', code: 409 }, 1, 1],
    ];
    for (const [name, fault, read, write] of afterwards) {
      it(`is sent ${read} times if it reads and ${write} times if it writes, after ${name}`, async () => {
        const anything: Matches = () => true;
        const reading = behind.proxy.once(fault, anything);
        await ends(behind.client.get(CONFIG_MAPS, THERE), read === 2);
        await reading;
        assert.equal(behind.requests.length, read);
        const writing = behind.proxy.once(fault, anything);
        await ends(behind.client.patch(CONFIG_MAPS, THERE, { data: { fault: name } }), write === 2);
        await writing;
        assert.equal(behind.requests.length - read, write);
      });
    }

    it('is sent once the server accepts connections again, even if it writes', async () => {
      behind.proxy.refuse();
      const written = behind.client.patch(CONFIG_MAPS, THERE, { data: { sent: 'late' } });
      await behind.proxy.accept();
      await written;
      assert.equal(behind.requests.filter(isWrite).length, 1);
    });

    it('writes a Secret without waiting for status updates', async () => {
      behind.proxy.rules = [{ fault: { kind: 'slow', bytesPerSecond: 4_000 }, probability: 1 }];
      const { length: before } = behind.requests;
      const status = { metadata: THERE, status: {} };
      const secret = (index: number) => ({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace: THERE.namespace, name: `waits-${index}` },
      });
      await Promise.all([
        // A ConfigMap has no status, but the API server answers such a request, too.
        ...Array.from({ length: 3 * POOL }, () =>
          behind.client.applyStatus(CONFIG_MAPS, status).catch(() => undefined),
        ),
        ...Array.from({ length: POOL }, (_, index) => behind.client.create(SECRETS, secret(index))),
      ]);
      const sent = behind.requests.slice(before).map(({ resource }) => resource);
      const last = sent.lastIndexOf('secrets');
      // The status updates of the first connections were sent before. Requests on several connections may overtake each other.
      assert.ok(last >= POOL && last < 3 * POOL, sent.join(' '));
    });

    it('opens no more connections for a thousand requests than the size of the pool, even if they are cut', async () => {
      const get = () => behind.client.get(CONFIG_MAPS, THERE);
      await Promise.all(Array.from({ length: 1_000 }, get));
      const { opened, most } = behind.proxy.connections;
      assert.ok(opened > 1 && opened <= POOL && most <= POOL, JSON.stringify(behind.proxy.connections));
      const asking = Promise.allSettled(Array.from({ length: 1_000 }, get));
      behind.proxy.cutAll();
      await asking;
      await get();
      assert.ok(behind.proxy.connections.most <= POOL, JSON.stringify(behind.proxy.connections));
    });
  });

  describe('stopping a reflector takes effect at once and for good', () => {
    const cases: readonly (readonly [string, Fault, Matches])[] = [
      ['while it lists', { kind: 'silence', afterLines: 0 }, isFreshList],
      ['in the middle of a list', { kind: 'slow', bytesPerSecond: 20_000 }, isFreshList],
      ['while it waits before a retry', { kind: 'status', code: 503, retryAfterSeconds: 20 }, isFreshList],
      ['while a watch begins', { kind: 'cut-before' }, isLaterWatch],
      ['in a silent watch', { kind: 'silence', afterLines: 0 }, isLaterWatch],
    ];
    for (const [when, fault, matches] of cases) {
      it(when, () => stopsFor(cluster, behind, fault, matches));
    }
  });
});

describe('src/kube behind a proxy, in front of an API server that cannot stream lists', () => {
  let cluster: FaultyCluster;
  let behind: ProxiedCluster;

  before(async () => {
    cluster = await FaultyCluster.start('--feature-gates=WatchList=false');
  });
  after(async () => cluster?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    behind = await cluster.behindProxy();
  });
  afterEach(async () => behind?.[Symbol.asyncDispose]());

  for (const fault of [...STATUSES, ...CONNECTIONS]) {
    it(`a store ends with the state of the API server after a second page with the fault ${JSON.stringify(fault)}`, () =>
      survives(cluster, behind, fault, isNextPage));
  }

  it('stopping a reflector takes effect at once and for good while a page is being transferred', () =>
    stopsFor(cluster, behind, { kind: 'silence' }, isNextPage));
});

/** Waits for the end of a request, which is expected to succeed or to fail. */
async function ends(request: Promise<unknown>, well: boolean): Promise<void> {
  if (well) await request;
  else await assert.rejects(request, KubeError);
}

/** Injects the fault into the first request that matches. The store must be correct afterwards. */
async function survives(
  cluster: FaultyCluster,
  behind: ProxiedCluster,
  fault: Fault,
  matches: Matches,
): Promise<void> {
  const injected = behind.proxy.once(fault, matches);
  const { store, reflector } = behind.reflect();
  if (matches === isLaterWatch) await beginLaterWatch(behind, reflector.synced);
  // A fault in a running watch takes effect only when an event arrives.
  await Promise.all([injected, reflector.synced.then(() => cluster.changeSomething())]);
  await behind.untilEqual(store);
  await reflector.stop();
  assert.deepEqual(Object.values(behind.proxy.counts), [1]);
}

/** After a streaming list, a watch from a resource version begins only when the first watch has ended. */
async function beginLaterWatch(behind: ProxiedCluster, synced: Promise<void>): Promise<void> {
  await synced;
  if (behind.requests.some((one) => isWatch(one) && isFreshList(one))) behind.proxy.cutAll();
  await until(() => behind.requests.some(isLaterWatch), 'a watch from a version on');
}

/**
 * Stops a reflector that the fault has hit. It must end at once, with its connections, and leave the store as it is.
 */
async function stopsFor(
  cluster: FaultyCluster,
  behind: ProxiedCluster,
  fault: Fault,
  matches: Matches,
): Promise<void> {
  const injected = behind.proxy.once(fault, matches);
  const { reflector, changes } = behind.reflect();
  if (matches === isLaterWatch) await beginLaterWatch(behind, reflector.synced);
  await injected;
  const begun = performance.now();
  await reflector.stop();
  const took = performance.now() - begun;
  // A time-out or the end of a wait would take far longer.
  assert.ok(took < 5_000, `it took ${took} ms`);
  const [seen, sent] = [changes(), behind.requests.length];
  await cluster.changeSomething();
  // Another reflector sees the changes, so the stopped one could have seen them.
  await using another = await cluster.behindProxy();
  const { store, reflector: other } = another.reflect();
  await another.untilEqual(store);
  await other.stop();
  await behind.transport.close();
  await until(() => behind.proxy.connections.open === 0, 'the end of all connections');
  assert.deepEqual([changes(), behind.requests.length], [seen, sent]);
}

/** Whether a watch from this resource version is answered with 410. */
async function expires(cluster: FaultyCluster, resourceVersion: string): Promise<boolean> {
  const abort = new AbortController();
  const from = { resourceVersion, timeoutSeconds: 5 };
  try {
    for await (const _ of cluster.direct.watch(CONFIG_MAPS, { namespace: NAMESPACE }, from, abort.signal))
      break;
    return false;
  } catch (error) {
    if (hasReason(error, 'Expired')) return true;
    throw error;
  }
}

/**
 * Makes etcd discard everything before a revision, as kube-apiserver does every five minutes.
 *
 * @see https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/
 */
async function compactEtcd(directory: string, revision: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const compaction = request(
    { socketPath: join(directory, 'etcd.sock'), path: '/v3/kv/compaction', method: 'POST' },
    (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    },
  );
  compaction.on('error', reject);
  compaction.end(JSON.stringify({ revision, physical: true }));
  assert.equal(await promise, 200);
}
