import assert from 'node:assert/strict';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { hasReason, KubeError } from '../../../src/kube/errors.ts';
import type { Resource } from '../../../src/object/object.ts';
import {
  type Behind,
  CONFIG_MAPS,
  type configMap,
  FaultyCluster,
  NAMESPACE,
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
  let behind: Behind;

  before(async () => {
    cluster = await FaultyCluster.start();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    behind = await cluster.behindProxy();
  });
  afterEach(async () => behind?.[Symbol.asyncDispose]());

  describe('a store holds what the API server has in the end', () => {
    for (const fault of [...STATUSES, ...CONNECTIONS]) {
      it(`${JSON.stringify(fault)} for the list`, () => survives(cluster, behind, fault, isFreshList));
    }

    for (const fault of [...STATUSES, ...CONNECTIONS, ...UNDER_WAY]) {
      it(`${JSON.stringify(fault)} for a watch from a version on`, () =>
        survives(cluster, behind, fault, isLaterWatch));
    }

    it('although nobody listens for a while', async () => {
      const { store, reflector } = behind.reflect();
      await reflector.synced;
      behind.proxy.refuse();
      behind.proxy.cutAll();
      await cluster.changeSomething();
      await behind.proxy.accept();
      await behind.untilEqual(store);
      await reflector.stop();
    });

    it('although a watch has fallen silent, once the connection is given up', async () => {
      const silent = behind.proxy.once({ kind: 'silence', afterLines: 0 }, isLaterWatch);
      const { store, reflector } = behind.reflect();
      await beginLaterWatch(behind, reflector.synced);
      await silent;
      await cluster.changeSomething();
      behind.proxy.cutAll();
      await behind.untilEqual(store);
      await reflector.stop();
    });

    it('although a watch has fallen silent: the client gives it up', async () => {
      await using impatient = await cluster.behindProxy(1_000);
      const silent = impatient.proxy.once({ kind: 'silence', afterLines: 0 }, isLaterWatch);
      const { store, reflector } = impatient.reflect();
      await beginLaterWatch(impatient, reflector.synced);
      await silent;
      await cluster.changeSomething();
      await impatient.untilEqual(store);
      await reflector.stop();
    });

    it('although the end of a streaming list does not come: the client gives it up', async () => {
      await using impatient = await cluster.behindProxy(1_000);
      const dropped = impatient.proxy.once({ kind: 'drop-bookmarks' }, isFreshList);
      const { store, reflector } = impatient.reflect();
      await dropped;
      await reflector.synced;
      await impatient.untilEqual(store);
      assert.equal(impatient.requests.filter(isFreshList).length, 2);
      await reflector.stop();
    });

    it('although its watches are silent for ever: it lists anew', async () => {
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

    it('although bookmarks never come', async () => {
      behind.proxy.rules = [{ fault: { kind: 'drop-bookmarks' }, probability: 1, when: isLaterWatch }];
      const { store, reflector } = behind.reflect();
      await beginLaterWatch(behind, reflector.synced);
      await cluster.changeSomething();
      await behind.untilEqual(store);
      await reflector.stop();
    });

    it('although the bookmark that ends a streaming list never comes: it is not taken for complete before', async () => {
      const fault = { kind: 'drop-bookmarks', only: 'initial-events-end' } as const;
      behind.proxy.rules = [{ fault, probability: 1 }];
      const { store, reflector } = behind.reflect();
      await until(() => behind.requests.some(isFreshList), 'a list');
      // One that lists in pages needs no such bookmark.
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

    it('although the API server ends and comes back in the middle of changes', async () => {
      const { store, reflector } = behind.reflect();
      await reflector.synced;
      await cluster.changeSomething();
      const restarted = cluster.controlPlane.restartApiServer();
      await until(() => behind.proxy.connections.open === 0, 'the end of the watch');
      await restarted;
      await until(() => cluster.changeSomething().then(() => true), 'the API server to take writes');
      await behind.untilEqual(store);
      await reflector.stop();
    });

    it('although its version is no longer there: etcd is compacted, and the API server begins anew', async () => {
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
        'anybody to be told that it has expired',
      );
      await behind.proxy.accept();
      await behind.untilEqual(store);
      assert.ok(behind.requests.filter(isFreshList).length > before_, 'it has listed anew');
      await reflector.stop();
    });
  });

  describe('a request', () => {
    it('tells a write that the API server refused from one of which nobody knows', async () => {
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
      ['429 of an API server that has too much to do', { kind: 'overload' }, 2, 2],
      ['503 with Retry-After', { kind: 'status', code: 503, retryAfterSeconds: 1 }, 2, 2],
      ['503', { kind: 'status', code: 503 }, 2, 1],
      ['500', { kind: 'status', code: 500 }, 2, 1],
      ['a cut before it was read', { kind: 'cut-before' }, 2, 1],
      ['a cut after it was done', { kind: 'cut-after' }, 2, 1],
      ['a cut in the answer', { kind: 'cut-mid-line', afterLines: 0 }, 2, 1],
      ['409', { kind: 'status', code: 409 }, 1, 1],
    ];
    for (const [name, fault, read, write] of afterwards) {
      it(`is sent ${read} times where it reads, ${write} where it writes: ${name}`, async () => {
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

    it('is sent, also where it writes, once somebody listens', async () => {
      behind.proxy.refuse();
      const written = behind.client.patch(CONFIG_MAPS, THERE, { data: { sent: 'late' } });
      await behind.proxy.accept();
      await written;
      assert.equal(behind.requests.filter(isWrite).length, 1);
    });

    it('keeps no Secret waiting behind what is told in a status', async () => {
      const order: string[] = [];
      behind.proxy.rules = [{ fault: { kind: 'slow', bytesPerSecond: 4_000 }, probability: 1 }];
      const status = { metadata: THERE, status: {} };
      const secret = (index: number) => ({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace: THERE.namespace, name: `waits-${index}` },
      });
      const asked = [
        // A ConfigMap has no status: that is answered too.
        ...Array.from({ length: 3 * POOL }, () =>
          behind.client.applyStatus(CONFIG_MAPS, status).catch(() => order.push('status')),
        ),
        ...Array.from({ length: POOL }, (_, index) =>
          behind.client.create(SECRETS, secret(index)).then(() => order.push('secret')),
        ),
      ];
      await Promise.all(asked);
      // Those that had begun before are done first.
      const late = order.lastIndexOf('secret');
      assert.ok(late < 3 * POOL, order.join(' '));
    });

    it('opens no more connections for a thousand than the pool has, also where they are cut', async () => {
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

  describe('stop is final', () => {
    const cases: readonly (readonly [string, Fault, Matches])[] = [
      ['while it lists', { kind: 'silence', afterLines: 0 }, isFreshList],
      ['in the middle of a list', { kind: 'slow', bytesPerSecond: 20_000 }, isFreshList],
      ['while it waits to try again', { kind: 'status', code: 503, retryAfterSeconds: 20 }, isFreshList],
      ['while a watch begins', { kind: 'cut-before' }, isLaterWatch],
      ['in a watch that has fallen silent', { kind: 'silence', afterLines: 0 }, isLaterWatch],
    ];
    for (const [when, fault, matches] of cases) {
      it(when, () => stopsFor(cluster, behind, fault, matches));
    }
  });
});

describe('src/kube behind a proxy, before an API server that cannot stream lists', () => {
  let cluster: FaultyCluster;
  let behind: Behind;

  before(async () => {
    cluster = await FaultyCluster.start('--feature-gates=WatchList=false');
  });
  after(async () => cluster?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    behind = await cluster.behindProxy();
  });
  afterEach(async () => behind?.[Symbol.asyncDispose]());

  for (const fault of [...STATUSES, ...CONNECTIONS]) {
    it(`holds what the API server has in the end: ${JSON.stringify(fault)} for the second page`, () =>
      survives(cluster, behind, fault, isNextPage));
  }

  it('stops for good while a page is on its way', () =>
    stopsFor(cluster, behind, { kind: 'silence' }, isNextPage));
});

/** Waits for the end of a request that is to succeed, or to fail. */
async function ends(request: Promise<unknown>, well: boolean): Promise<void> {
  if (well) await request;
  else await assert.rejects(request, KubeError);
}

/** Lets the fault hit the first request that matches: the store must be right after that. */
async function survives(
  cluster: FaultyCluster,
  behind: Behind,
  fault: Fault,
  matches: Matches,
): Promise<void> {
  const injected = behind.proxy.once(fault, matches);
  const { store, reflector } = behind.reflect();
  if (matches === isLaterWatch) await beginLaterWatch(behind, reflector.synced);
  // What hits a watch under way needs something to come.
  await Promise.all([injected, reflector.synced.then(() => cluster.changeSomething())]);
  await behind.untilEqual(store);
  await reflector.stop();
  assert.deepEqual(Object.values(behind.proxy.counts), [1]);
}

/** After a streaming list a watch from a version on begins only when the first has ended. */
async function beginLaterWatch(behind: Behind, synced: Promise<void>): Promise<void> {
  await synced;
  if (behind.requests.some((one) => isWatch(one) && isFreshList(one))) behind.proxy.cutAll();
  await until(() => behind.requests.some(isLaterWatch), 'a watch from a version on');
}

/** Stops a reflector that the fault has hit: it ends at once, with its connections, and the store is left as it is. */
async function stopsFor(
  cluster: FaultyCluster,
  behind: Behind,
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
  const [seen, asked] = [changes(), behind.requests.length];
  await cluster.changeSomething();
  // Another reflector sees the changes, so the first could have.
  await using another = await cluster.behindProxy();
  const { store, reflector: other } = another.reflect();
  await another.untilEqual(store);
  await other.stop();
  await behind.transport.close();
  await until(() => behind.proxy.connections.open === 0, 'the end of all connections');
  assert.deepEqual([changes(), behind.requests.length], [seen, asked]);
}

/** Whether a watch from this version on is answered with 410. */
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
 * Has etcd forget what came before a revision, as kube-apiserver does every five minutes.
 *
 * @see https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/
 */
async function compactEtcd(directory: string, revision: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const asked = request(
    { socketPath: join(directory, 'etcd.sock'), path: '/v3/kv/compaction', method: 'POST' },
    (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    },
  );
  asked.on('error', reject);
  asked.end(JSON.stringify({ revision, physical: true }));
  assert.equal(await promise, 200);
}
