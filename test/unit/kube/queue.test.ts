import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { KubeError } from '../../../src/kube/errors.ts';
import { type Outcome, WorkQueue } from '../../../src/kube/queue/queue.ts';

/** A queue in which the test decides when the processing of each key ends. */
function controlledQueue(concurrency: number) {
  const begun: string[] = [];
  const running = new Map<string, PromiseWithResolvers<Outcome>>();
  const started = new EventTarget();
  const queue = new WorkQueue({
    concurrency,
    process: (key) => {
      assert.ok(!running.has(key), `${key} is processed twice at the same time`);
      begun.push(key);
      const ending = Promise.withResolvers<Outcome>();
      running.set(key, ending);
      started.dispatchEvent(new Event('begun'));
      return ending.promise.finally(() => running.delete(key));
    },
  });
  const untilBegun = async (count: number) => {
    while (begun.length < count) {
      await new Promise((resolve) => started.addEventListener('begun', resolve, { once: true }));
    }
  };
  return { queue, begun, running, untilBegun };
}

describe('WorkQueue', () => {
  it('holds a key once, however often it is added before it is processed', async () => {
    const { queue, begun, running, untilBegun } = controlledQueue(1);
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    assert.equal(queue.depth, 2);
    queue.start();
    await untilBegun(1);
    running.get('a')?.resolve({});
    await untilBegun(2);
    running.get('b')?.resolve({});
    await queue.stop();
    assert.deepEqual(begun, ['a', 'b']);
  });

  it('processes a key once more if it is added during its processing', async () => {
    const { queue, begun, running, untilBegun } = controlledQueue(4);
    queue.start();
    queue.add('a');
    await untilBegun(1);
    queue.add('a');
    queue.add('a');
    assert.deepEqual(begun, ['a']);
    running.get('a')?.resolve({});
    await untilBegun(2);
    running.get('a')?.resolve({});
    await queue.stop();
    assert.deepEqual(begun, ['a', 'a']);
  });

  it('never exceeds its concurrency', async () => {
    const { queue, begun, running, untilBegun } = controlledQueue(2);
    queue.start();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await untilBegun(2);
    assert.deepEqual(begun, ['a', 'b']);
    running.get('b')?.resolve({});
    await untilBegun(3);
    assert.deepEqual(begun, ['a', 'b', 'c']);
    running.get('a')?.resolve({});
    running.get('c')?.resolve({});
    await queue.stop();
  });

  it('requeues a key whose processing fails, with a growing delay', async () => {
    const times: number[] = [];
    const done = Promise.withResolvers<void>();
    const errors: unknown[] = [];
    const queue = new WorkQueue({
      concurrency: 1,
      process: async () => {
        times.push(performance.now());
        if (times.length === 4) done.resolve();
        else throw new Error('not yet');
        return {};
      },
      onProcessed: ({ error }) => errors.push(error),
    });
    queue.start();
    queue.add('a');
    await done.promise;
    await queue.stop();
    const [first = 0, second = 0, third = 0, fourth = 0] = times;
    // The third wait is between 200 and 400 ms, the first between 50 and 100.
    assert.ok(fourth - third > second - first, `waits do not grow: ${times.map((time) => time - first)}`);
    assert.equal(errors.filter((error) => error instanceof Error).length, 3);
  });

  it('backs off after a failure even if the key is added during its processing', async () => {
    const times: number[] = [];
    const done = Promise.withResolvers<void>();
    const queue = new WorkQueue({
      concurrency: 1,
      process: async (key) => {
        times.push(performance.now());
        queue.add(key);
        if (times.length < 3) throw new Error('it triggers itself');
        done.resolve();
        return {};
      },
    });
    queue.start();
    queue.add('a');
    await done.promise;
    await queue.stop();
    const [first = 0, second = 0, third = 0] = times;
    assert.ok(second - first >= 49 && third - second >= 99, `${second - first} ms, ${third - second} ms`);
  });

  it('delays only the key that repeats its writes', async () => {
    const times = new Map<string, number[]>();
    const done = Promise.withResolvers<void>();
    const queue = new WorkQueue({
      concurrency: 2,
      process: async (key) => {
        const own = times.get(key) ?? [];
        times.set(key, [...own, performance.now()]);
        if (own.length < 5) queue.add(key);
        else if (key === 'storm') done.resolve();
        return { repeated: key === 'storm' };
      },
    });
    queue.start();
    queue.add('storm');
    queue.add('calm');
    await done.promise;
    await queue.stop();
    const span = (key: string) => (times.get(key)?.at(-1) ?? 0) - (times.get(key)?.[0] ?? 0);
    // Three waits, of at least 50, 100 and 200 ms.
    assert.ok(span('storm') >= 349, `${span('storm')} ms`);
    assert.equal(times.get('calm')?.length, 6);
    assert.ok(span('calm') < span('storm') / 2, `${span('calm')} ms`);
  });

  it('waits as long as the API server requests, even if the key is added in the meantime', async () => {
    const times: number[] = [];
    const done = Promise.withResolvers<void>();
    const queue = new WorkQueue({
      concurrency: 1,
      process: async () => {
        times.push(performance.now());
        if (times.length === 2) done.resolve();
        else throw new KubeError('busy', { status: 429, reason: 'TooManyRequests', retryAfterSeconds: 0.6 });
        return {};
      },
    });
    queue.start();
    queue.add('a');
    const adding = setInterval(() => queue.add('a'), 20);
    await done.promise;
    clearInterval(adding);
    await queue.stop();
    assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 599, `${(times[1] ?? 0) - (times[0] ?? 0)} ms`);
  });

  it('requeues a key after the shorter of a back-off and a requested delay', async () => {
    const { queue, running, untilBegun } = controlledQueue(1);
    queue.start();
    queue.add('a');
    await untilBegun(1);
    running.get('a')?.resolve({ requeueAfterMs: 3_600_000, error: new Error('one of two parts failed') });
    await untilBegun(2);
    running.get('a')?.resolve({});
    await queue.stop();
  });

  it('does not treat a very long delay as none', async () => {
    const { queue, begun, running, untilBegun } = controlledQueue(1);
    queue.start();
    queue.addAfter('far', 2 ** 40);
    queue.addAfter('near', 30);
    await untilBegun(1);
    running.get('near')?.resolve({});
    await queue.stop();
    assert.deepEqual(begun, ['near']);
  });

  it('requeues a key after the delay that its processing requested', async () => {
    const { queue, running, untilBegun } = controlledQueue(1);
    queue.start();
    queue.add('a');
    await untilBegun(1);
    running.get('a')?.resolve({ requeueAfterMs: 5 });
    await untilBegun(2);
    running.get('a')?.resolve({});
    await queue.stop();
  });

  it('keeps the shorter of two delays, and neither once the key is added without a delay', async () => {
    const { queue, begun, running, untilBegun } = controlledQueue(1);
    queue.start();
    queue.addAfter('a', 5);
    queue.addAfter('a', 3_600_000);
    await untilBegun(1);
    running.get('a')?.resolve({});
    queue.addAfter('b', 3_600_000);
    queue.add('b');
    await untilBegun(2);
    running.get('b')?.resolve({});
    await queue.stop();
    assert.deepEqual(begun, ['a', 'b']);
  });

  it('reports the number of waiting keys and the age of the oldest', async () => {
    const { queue, running, untilBegun } = controlledQueue(1);
    assert.deepEqual([queue.depth, queue.oldestMs], [0, 0]);
    queue.add('a');
    await delay(20);
    queue.add('b');
    assert.equal(queue.depth, 2);
    assert.ok(queue.oldestMs >= 19, String(queue.oldestMs));
    queue.start();
    await untilBegun(1);
    assert.equal(queue.depth, 1);
    running.get('a')?.resolve({});
    await untilBegun(2);
    assert.deepEqual([queue.depth, queue.oldestMs], [0, 0]);
    running.get('b')?.resolve({});
    await queue.stop();
  });

  it('processes a key once for all additions in one turn of the event loop', async () => {
    let processed = 0;
    const process = async () => {
      processed += 1;
      return {};
    };
    const queue = new WorkQueue({ process, concurrency: 1 });
    queue.start();
    for (let change = 0; change < 100; change += 1) {
      queue.add('a');
      await undefined;
    }
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    assert.equal(processed, 1);
    await queue.stop();
  });

  it('does not delay timers, however often keys that need no I/O are added', async () => {
    let processed = 0;
    const queue = new WorkQueue({
      concurrency: 1,
      process: async (key) => {
        processed += 1;
        if (processed < 100_000) queue.add(key);
        return {};
      },
    });
    queue.start();
    queue.add('a');
    await delay(1);
    assert.ok(processed < 100_000, 'the timer waited for all keys');
    await queue.stop();
  });

  it('lets namespaces take turns, one key at a time, however many keys one of them has', async () => {
    const { queue, begun, running, untilBegun } = controlledQueue(1);
    for (let index = 0; index < 1_000; index += 1) queue.add(`busy/${index}`);
    queue.add('quiet/a');
    queue.add('quiet/b');
    queue.start();
    for (let count = 1; count <= 4; count += 1) {
      await untilBegun(count);
      running.get(begun[count - 1] ?? '')?.resolve({});
    }
    await untilBegun(5);
    running.get(begun[4] ?? '')?.resolve({});
    await queue.stop();
    assert.deepEqual(begun.slice(0, 5), ['busy/0', 'quiet/a', 'busy/1', 'quiet/b', 'busy/2']);
  });

  it('leaves half of its concurrency to other namespaces, however long the keys of one take', async () => {
    const { queue, begun, running, untilBegun } = controlledQueue(4);
    for (let index = 0; index < 100; index += 1) queue.add(`slow/${index}`);
    queue.start();
    await untilBegun(2);
    for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
    assert.deepEqual(begun, ['slow/0', 'slow/1']);
    queue.add('other/a');
    queue.add('third/a');
    await untilBegun(4);
    assert.deepEqual(begun.slice(2), ['other/a', 'third/a']);
    for (const { resolve } of running.values()) resolve({});
    await queue.stop();
  });

  it('starts one key per turn of the event loop', async () => {
    const begun: string[] = [];
    const process = async (key: string) => {
      begun.push(key);
      return {};
    };
    const queue = new WorkQueue({ process, concurrency: 8 });
    for (const key of ['a/1', 'b/1', 'c/1', 'd/1']) queue.add(key);
    queue.start();
    const perTurn: number[] = [];
    while (begun.length < 4) {
      const before = begun.length;
      await new Promise(setImmediate);
      perTurn.push(begun.length - before);
    }
    await queue.stop();
    assert.ok(Math.max(...perTurn) === 1, `begun in each turn: ${perTurn}`);
  });

  it('processes nothing if it is started after it was stopped', async () => {
    const { queue, begun } = controlledQueue(1);
    queue.add('a');
    await queue.stop();
    queue.start();
    queue.add('b');
    assert.equal(queue.depth, 0);
    await queue.stop();
    assert.deepEqual(begun, []);
  });

  it('finishes running keys when it is stopped, and starts no others', async () => {
    const { queue, begun, running, untilBegun } = controlledQueue(1);
    queue.start();
    queue.add('a');
    queue.add('b');
    await untilBegun(1);
    let stopped = false;
    const stopping = queue.stop().then(() => {
      stopped = true;
    });
    queue.add('c');
    await new Promise(setImmediate);
    assert.equal(stopped, false);
    running.get('a')?.resolve({ requeueAfterMs: 1 });
    await stopping;
    assert.deepEqual(begun, ['a']);
  });
});
