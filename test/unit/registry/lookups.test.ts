import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DelayedError } from '../../../src/concurrency/fair-limiter.ts';
import { Lookups, lookupPlaces, type Resolver } from '../../../src/registry/http/lookups.ts';
import { Works } from '../../support/work.ts';

const ADDRESSES = [{ address: '192.0.2.1', family: 4 }];

/** Replaces the system's resolver, whose name servers a test cannot choose. The test decides when it answers. */
function lookups({ places = 8, requestTimeout = 1_000 } = {}) {
  const works = new Works();
  const resolver: Resolver = (hostname) => works.begin(hostname).then(() => ADDRESSES);
  const all = new Lookups({ concurrentLookups: places, requestTimeout }, resolver);
  const find = (namespace: string, hostname: string) => {
    const { addresses, waits } = all.find(namespace, hostname);
    addresses.catch(() => undefined);
    return { addresses, waits };
  };
  return { works, find };
}

describe('DNS look-ups', () => {
  for (const count of [40, 80]) {
    it(`of ${count} hosts of a silent zone for one namespace do not delay another namespace`, async () => {
      const { works, find } = lookups();
      for (let index = 0; index < count; index += 1) find('a', `host-${index}.silent.example`);
      assert.equal(works.open.length, 2, 'a quarter of the places');
      const { addresses, waits } = find('b', 'registry.example');
      assert.equal(waits, false);
      await works.end('registry.example');
      assert.deepEqual(await addresses, ADDRESSES);
    });
  }

  it('never exceed the limit, however many namespaces need them', () => {
    const { works, find } = lookups();
    for (let index = 0; index < 100; index += 1) find(`namespace-${index}`, `host-${index}.silent.example`);
    assert.equal(works.open.length, 8);
  });

  it('count until the system call returns, even after the request has timed out', async () => {
    const { works, find } = lookups({ places: 4, requestTimeout: 1 });
    find('a', 'one.silent.example');
    const { addresses, waits } = find('a', 'two.silent.example');
    assert.equal(waits, true);
    await assert.rejects(addresses, DelayedError);
    assert.deepEqual(works.begun, ['one.silent.example']);
    await works.end('one.silent.example', new Error('EAI_AGAIN'));
    find('a', 'three.silent.example');
    assert.deepEqual(works.open, ['three.silent.example']);
  });

  it('wait for a place until the last request for them has timed out', async () => {
    const { find } = lookups({ places: 4, requestTimeout: 20 });
    find('a', 'one.silent.example');
    const ends: string[] = [];
    find('a', 'two.silent.example');
    const late = Promise.withResolvers<unknown>();
    setTimeout(() => {
      // Timers of the same duration fire in the order in which they were started.
      setTimeout(() => ends.push('time-out of an earlier request'), 20);
      const rejected = assert.rejects(find('a', 'two.silent.example').addresses, DelayedError);
      late.resolve(rejected.then(() => ends.push('late look-up')));
    }, 10);
    await late.promise;
    assert.deepEqual(ends, ['time-out of an earlier request', 'late look-up']);
  });

  it('of the same name share one look-up across namespaces', async () => {
    const { works, find } = lookups();
    const all = Array.from({ length: 40 }, (_, index) => find(`namespace-${index % 3}`, 'registry.example'));
    assert.deepEqual(works.begun, ['registry.example']);
    await works.end('registry.example');
    for (const { addresses } of all) assert.deepEqual(await addresses, ADDRESSES);
    find('a', 'registry.example');
    assert.equal(works.begun.length, 2, 'looked up again');
  });

  it('of a name that waits in the queue of one namespace start at once for another', async () => {
    const { works, find } = lookups();
    for (const name of ['one', 'two']) find('a', `${name}.silent.example`);
    const late = find('a', 'registry.example');
    assert.equal(late.waits, true);
    assert.equal(find('b', 'registry.example').waits, false);
    await works.end('one.silent.example');
    await works.end('registry.example');
    assert.deepEqual(await late.addresses, ADDRESSES);
    assert.equal(works.begun.filter((name) => name === 'registry.example').length, 1);
  });

  it('fail with the error of the system', async () => {
    const { works, find } = lookups();
    const { addresses } = find('a', 'unknown.example');
    await works.end('unknown.example', new Error('ENOTFOUND'));
    await assert.rejects(addresses, /ENOTFOUND/);
  });

  it('use the resolver of the system by default, so that /etc/hosts counts', async () => {
    const { addresses } = new Lookups({ concurrentLookups: 1, requestTimeout: 60_000 }).find(
      'a',
      'localhost',
    );
    assert.match((await addresses)[0]?.address ?? '', /^(?:127\.0\.0\.1|::1)$/);
  });

  for (const [size, places] of [
    [undefined, 1],
    ['4', 1],
    ['16', 4],
    ['24', 8],
    ['100000', 508],
    ['many', 1],
    ['-1', 1],
  ] as const) {
    it(`are limited to ${places} if UV_THREADPOOL_SIZE is ${size}`, () => {
      assert.equal(lookupPlaces({ UV_THREADPOOL_SIZE: size }), places);
    });
  }
});
