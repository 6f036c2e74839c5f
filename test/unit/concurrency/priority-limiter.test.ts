import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Priority, PriorityLimiter } from '../../../src/concurrency/priority-limiter.ts';
import { Works } from '../../support/work.ts';

class Runs extends Works {
  readonly #limiter: PriorityLimiter;

  constructor(places: number) {
    super();
    this.#limiter = new PriorityLimiter(places);
  }

  run(name: string, priority: Priority, signal?: AbortSignal): Promise<string> {
    return this.#limiter.run(priority, () => this.begin(name), signal);
  }
}

/** A limiter whose places are all taken, by work named `first 0`, `first 1`, and so on. */
function allTaken(places: number): Runs {
  const runs = new Runs(places);
  for (let index = 0; index < places; index += 1) void runs.run(`first ${index}`, 'normal');
  assert.equal(runs.open.length, places);
  return runs;
}

describe('a priority limiter', () => {
  it('starts work in the order of arrival, and background work only if no other work waits', async () => {
    const runs = allTaken(2);
    void runs.run('status', 'background');
    void runs.run('secret', 'normal');
    void runs.run('event', 'background');
    void runs.run('scan', 'normal');
    for (const name of ['first 0', 'first 1', 'secret', 'scan']) await runs.end(name);
    assert.deepEqual(runs.begun.slice(2), ['secret', 'scan', 'status', 'event']);
  });

  it('starts no more work than it has places', async () => {
    const runs = allTaken(1);
    void runs.run('a', 'normal');
    void runs.run('b', 'normal');
    await runs.end('first 0');
    assert.deepEqual(runs.open, ['a']);
    await runs.end('a');
    assert.deepEqual(runs.open, ['b']);
    await runs.end('b');
    void runs.run('c', 'background');
    assert.deepEqual(runs.open, ['c']);
  });

  it('gives no place to work whose wait is aborted, and loses no place', async () => {
    const runs = allTaken(1);
    const wait = new AbortController();
    const dropped = assert.rejects(runs.run('dropped', 'normal', wait.signal), /gave up/);
    void runs.run('kept', 'normal');
    wait.abort(new Error('gave up'));
    await dropped;
    await assert.rejects(runs.run('late', 'normal', wait.signal), /gave up/);
    await runs.end('first 0');
    assert.deepEqual(runs.open, ['kept']);
    await runs.end('kept');
    await assert.rejects(runs.run('later', 'normal', wait.signal), /gave up/);
    assert.deepEqual(runs.begun, ['first 0', 'kept']);
    void runs.run('next', 'normal');
    assert.deepEqual(runs.open, ['next']);
  });

  it('gives every fourth place to a background request, however many others wait', async () => {
    const runs = allTaken(1);
    for (let index = 0; index < 12; index += 1) void runs.run(`n${index}`, 'normal');
    for (let index = 0; index < 2; index += 1) void runs.run(`b${index}`, 'background');
    for (let ended = 0; ended < 8; ended += 1) await runs.end(runs.open[0] ?? '');
    assert.deepEqual(runs.begun.slice(1), ['n0', 'n1', 'n2', 'b0', 'n3', 'n4', 'n5', 'b1']);
  });
});
