import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RunRateLimiter } from '../../../../src/controllers/run/run-rate-limiter.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

interface Arrival {
  readonly key: string;
  readonly at: number;
}

interface Turn extends Arrival {
  /** Number of times that the key requested a turn. */
  readonly requests: number;
}

/** Simulates keys that request a turn on arrival, and again after the returned wait or later. 60 turns per minute. */
function run(
  arrivals: readonly Arrival[],
  limiter = new RunRateLimiter(60),
  lateness = () => 0,
): readonly Turn[] {
  const turns: Turn[] = [];
  const requests = new Map<string, number>();
  const pending = arrivals.toSorted((a, b) => a.at - b.at);
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    const { key, at } = next;
    requests.set(key, (requests.get(key) ?? 0) + 1);
    const wait = limiter.wait(key, at);
    if (wait === 0) {
      turns.push({ key, at, requests: requests.get(key) ?? 0 });
      limiter.done(key);
      continue;
    }
    const again = { key, at: at + wait + lateness() };
    const place = pending.findIndex((other) => other.at > again.at);
    pending.splice(place === -1 ? pending.length : place, 0, again);
  }
  return turns;
}

/** The expected order: each turn goes to the first key of the namespace that has waited longest. */
function model(arrivals: readonly Arrival[]): readonly Arrival[] {
  const coming = arrivals.toSorted((a, b) => a.at - b.at);
  const waiting = new Map<string, readonly Arrival[]>();
  const turns: Arrival[] = [];
  for (let time = 0; coming.length > 0 || waiting.size > 0; time += SECOND) {
    if (waiting.size === 0) time = Math.max(time, coming[0]?.at ?? 0);
    join(waiting, coming, time);
    const [[namespace, [first, ...rest]] = ['', []]] = waiting;
    waiting.delete(namespace);
    if (rest.length > 0) waiting.set(namespace, rest);
    if (first !== undefined) turns.push({ key: first.key, at: time });
  }
  return turns;
}

/** Moves the keys that have arrived by then to the queues of their namespaces. */
function join(waiting: Map<string, readonly Arrival[]>, coming: Arrival[], time: number): void {
  for (let next = coming[0]; next !== undefined && next.at <= time; next = coming[0]) {
    coming.shift();
    const [namespace = ''] = next.key.split('/');
    waiting.set(namespace, [...(waiting.get(namespace) ?? []), next]);
  }
}

describe('RunRateLimiter', () => {
  it('gives the first key its turn at once, and the others one after another', () => {
    const limiter = new RunRateLimiter(60);
    const waits = Array.from({ length: 4 }, (_, index) => limiter.wait(`ns/${index}`, 5_000));
    assert.deepEqual(waits, [0, 1_000, 2_000, 3_000]);
  });

  it('keeps the turn of a key until it is done', () => {
    const limiter = new RunRateLimiter(6);
    limiter.wait('ns/a', 0);
    assert.deepEqual(
      [
        limiter.wait('ns/b', 0),
        limiter.wait('ns/b', 4_000),
        limiter.wait('ns/b', 12_000),
        limiter.wait('ns/b', 99_000),
      ],
      [10_000, 6_000, 0, 0],
    );
    limiter.done('ns/b');
    assert.equal(limiter.wait('ns/b', 12_000), 8_000);
  });

  it('gives no turns in the past', () => {
    const limiter = new RunRateLimiter(60);
    limiter.wait('ns/a', 0);
    assert.equal(limiter.wait('ns/b', 60_000), 0);
    assert.equal(limiter.wait('ns/c', 60_000), 1_000);
  });

  it('allows no burst when all keys request their turns late', () => {
    const limiter = new RunRateLimiter(60);
    const keys = Array.from({ length: 10 }, (_, index) => `ns${index}/a`);
    for (const key of keys) limiter.wait(key, 0);
    assert.equal(keys.filter((key) => limiter.wait(key, 10 * MINUTE) === 0).length, 1 + 2);
  });

  it('gives a namespace its turn after one turn of each other namespace, however many keys they have', () => {
    const backlog = Array.from({ length: 5_000 }, (_, index) => ({ key: `evil/${index}`, at: 0 }));
    const others = ['a', 'b', 'c'].map((name) => ({ key: `${name}/scan`, at: 10_500 }));
    const turns = run([...backlog, ...others]);
    const waits = turns.filter(({ key }) => !key.startsWith('evil/')).map(({ at }) => at - 10_500);
    assert.deepEqual(waits, [1_500, 2_500, 3_500]);
    assert.equal(turns.length, 5_003);
  });

  it('gives turns to others if a key makes no further request', () => {
    const limiter = new RunRateLimiter(60);
    const gone = Array.from({ length: 100 }, (_, index) => `gone/${index}`);
    for (const key of gone) limiter.wait(key, 0);
    const turns = run(
      Array.from({ length: 10 }, (_, index) => ({ key: `here/${index}`, at: 0 })),
      limiter,
    );
    assert.ok((turns.at(-1)?.at ?? Number.NaN) <= 21 * SECOND, JSON.stringify(turns));
  });

  it('forgets a key that is done before its turn', () => {
    const limiter = new RunRateLimiter(60);
    for (let index = 0; index < 100; index += 1) limiter.wait(`ns/${index}`, 0);
    for (let index = 0; index < 100; index += 1) limiter.done(`ns/${index}`);
    assert.equal(limiter.wait('ns/new', 0), SECOND);
  });

  it('returns waits of at most five minutes, in case other keys have left', () => {
    const limiter = new RunRateLimiter(1);
    for (let index = 0; index < 100; index += 1) limiter.wait(`ns/${index}`, 0);
    assert.equal(limiter.wait('ns/99', 0), 5 * MINUTE);
    for (let index = 0; index < 99; index += 1) limiter.done(`ns/${index}`);
    assert.equal(limiter.wait('ns/99', 5 * MINUTE), 0);
  });

  it('gets twice as many requests from twice as many keys', () => {
    const requestsOf = (count: number) => {
      const arrivals = Array.from({ length: count }, (_, index) => ({
        key: `ns${index % 7}/${index}`,
        at: 0,
      }));
      return run(arrivals).reduce((sum, { requests }) => sum + requests, 0);
    };
    assert.ok(requestsOf(200) <= 2.2 * requestsOf(100), `${requestsOf(100)} and ${requestsOf(200)}`);
  });

  const arrival = fc.record({
    namespace: fc.constantFrom('a', 'b', 'c', 'd'),
    second: fc.nat({ max: 20 }),
  });
  // Keys never arrive at the same time, or at the exact time of a turn.
  const anyArrivals = fc.array(arrival, { maxLength: 60 }).map((list) =>
    list.map(({ namespace, second }, index) => ({
      key: `${namespace}/${index}`,
      at: second * SECOND + index,
    })),
  );

  it('gives turns in the same order as a simple queue of namespaces', () => {
    fc.assert(
      fc.property(anyArrivals, (arrivals) => {
        const found = run(arrivals).map(({ key, at }) => ({ key, at }));
        assert.deepEqual(found, model(arrivals));
      }),
    );
  });

  it('gives every key a turn even if requests are late, and exceeds the rate by at most two turns', () => {
    fc.assert(
      fc.property(anyArrivals, fc.infiniteStream(fc.nat({ max: 5 * SECOND })), (arrivals, stream) => {
        const turns = run(arrivals, new RunRateLimiter(60), () => stream.next().value);
        assert.equal(new Set(turns.map(({ key }) => key)).size, arrivals.length);
        for (const [index, { at: start }] of turns.entries())
          for (const [more, { at: end }] of turns.slice(index).entries())
            assert.ok(more <= (end - start) / SECOND + 2, `${more} more in ${end - start} ms`);
      }),
    );
  });
});
