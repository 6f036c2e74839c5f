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
  /** How many times the key asked. */
  readonly asked: number;
}

/** Simulates keys that ask on arrival, and again after the returned wait or later. 60 turns a minute. */
function run(
  arrivals: readonly Arrival[],
  pace = new RunRateLimiter(60),
  lateness = () => 0,
): readonly Turn[] {
  const turns: Turn[] = [];
  const asked = new Map<string, number>();
  const pending = arrivals.toSorted((a, b) => a.at - b.at);
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    const { key, at } = next;
    asked.set(key, (asked.get(key) ?? 0) + 1);
    const wait = pace.wait(key, at);
    if (wait === 0) {
      turns.push({ key, at, asked: asked.get(key) ?? 0 });
      pace.done(key);
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
  it('lets the first through at once, and the others one after another', () => {
    const pace = new RunRateLimiter(60);
    const waits = Array.from({ length: 4 }, (_, index) => pace.wait(`ns/${index}`, 5_000));
    assert.deepEqual(waits, [0, 1_000, 2_000, 3_000]);
  });

  it('keeps the turn of a key until it is done', () => {
    const pace = new RunRateLimiter(6);
    pace.wait('ns/a', 0);
    assert.deepEqual(
      [pace.wait('ns/b', 0), pace.wait('ns/b', 4_000), pace.wait('ns/b', 12_000), pace.wait('ns/b', 99_000)],
      [10_000, 6_000, 0, 0],
    );
    pace.done('ns/b');
    assert.equal(pace.wait('ns/b', 12_000), 8_000);
  });

  it('gives out no turns in the past', () => {
    const pace = new RunRateLimiter(60);
    pace.wait('ns/a', 0);
    assert.equal(pace.wait('ns/b', 60_000), 0);
    assert.equal(pace.wait('ns/c', 60_000), 1_000);
  });

  it('starts no burst when all keys ask late', () => {
    const pace = new RunRateLimiter(60);
    const keys = Array.from({ length: 10 }, (_, index) => `ns${index}/a`);
    for (const key of keys) pace.wait(key, 0);
    assert.equal(keys.filter((key) => pace.wait(key, 10 * MINUTE) === 0).length, 1 + 2);
  });

  it('gives a namespace its turn after one turn of each other namespace, however many keys they have', () => {
    const backlog = Array.from({ length: 5_000 }, (_, index) => ({ key: `evil/${index}`, at: 0 }));
    const others = ['a', 'b', 'c'].map((name) => ({ key: `${name}/scan`, at: 10_500 }));
    const turns = run([...backlog, ...others]);
    const waits = turns.filter(({ key }) => !key.startsWith('evil/')).map(({ at }) => at - 10_500);
    assert.deepEqual(waits, [1_500, 2_500, 3_500]);
    assert.equal(turns.length, 5_003);
  });

  it('gives turns to others if a key never asks again', () => {
    const pace = new RunRateLimiter(60);
    const gone = Array.from({ length: 100 }, (_, index) => `gone/${index}`);
    for (const key of gone) pace.wait(key, 0);
    const turns = run(
      Array.from({ length: 10 }, (_, index) => ({ key: `here/${index}`, at: 0 })),
      pace,
    );
    assert.ok((turns.at(-1)?.at ?? Number.NaN) <= 21 * SECOND, JSON.stringify(turns));
  });

  it('forgets a key that is done before its turn', () => {
    const pace = new RunRateLimiter(60);
    for (let index = 0; index < 100; index += 1) pace.wait(`ns/${index}`, 0);
    for (let index = 0; index < 100; index += 1) pace.done(`ns/${index}`);
    assert.equal(pace.wait('ns/new', 0), SECOND);
  });

  it('makes a key ask again after at most five minutes, in case other keys have left', () => {
    const pace = new RunRateLimiter(1);
    for (let index = 0; index < 100; index += 1) pace.wait(`ns/${index}`, 0);
    assert.equal(pace.wait('ns/99', 0), 5 * MINUTE);
    for (let index = 0; index < 99; index += 1) pace.done(`ns/${index}`);
    assert.equal(pace.wait('ns/99', 5 * MINUTE), 0);
  });

  it('is asked twice as often by twice as many keys', () => {
    const asks = (count: number) => {
      const arrivals = Array.from({ length: count }, (_, index) => ({
        key: `ns${index % 7}/${index}`,
        at: 0,
      }));
      return run(arrivals).reduce((sum, { asked }) => sum + asked, 0);
    };
    assert.ok(asks(200) <= 2.2 * asks(100), `${asks(100)} and ${asks(200)}`);
  });

  const arrival = fc.record({ namespace: fc.constantFrom('a', 'b', 'c', 'd'), second: fc.nat({ max: 20 }) });
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

  it('gives every key a turn if keys ask late, and never exceeds the rate by more than two turns', () => {
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
