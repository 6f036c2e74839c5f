import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairLimiter, type Limits } from '../../../src/concurrency/fair-limiter.ts';
import { operationsDuring } from '../../support/operations.ts';
import { turn, Works } from '../../support/work.ts';

const LIMITS: Limits = { places: 8, share: 4, placesPerTarget: 4, sharePerTarget: 2 };

/** Runs pieces of work named `group target number`. */
class Runs extends Works {
  readonly #limiter: FairLimiter;

  constructor(limits: Partial<Limits> = {}) {
    super();
    this.#limiter = new FairLimiter({ ...LIMITS, ...limits });
  }

  run(name: string, signal?: AbortSignal): Promise<string> {
    const [group = '', target = ''] = name.split(' ');
    return this.#limiter.run({ group, target }, () => this.begin(name), signal);
  }

  many(count: number, nameOf: (index: number) => string): void {
    for (let index = 0; index < count; index += 1) void this.run(nameOf(index));
  }

  openOf(part: string): number {
    return this.open.filter((name) => name.includes(part)).length;
  }
}

describe('a fair limiter', () => {
  it('starts work within the call if the limits allow it, and starts the next work even after a failure', async () => {
    const runs = new Runs({ sharePerTarget: 1 });
    const failing = runs.run('a x 1');
    assert.deepEqual(runs.begun, ['a x 1']);
    const waiting = runs.run('a x 2');
    assert.deepEqual(runs.begun, ['a x 1']);
    await Promise.all([assert.rejects(failing, /broken/), runs.end('a x 1', new Error('broken'))]);
    assert.deepEqual(runs.begun, ['a x 1', 'a x 2']);
    await runs.end('a x 2');
    assert.equal(await waiting, 'a x 2');
  });

  it('runs the work of one group and target in order', async () => {
    const runs = new Runs({ sharePerTarget: 1 });
    runs.many(4, (index) => `a x ${index}`);
    for (let index = 0; index < 4; index += 1) {
      assert.deepEqual(runs.open, [`a x ${index}`]);
      await runs.end(`a x ${index}`);
    }
  });

  for (const backlog of [160, 320]) {
    it(`starts the work of a group at once despite a backlog of ${backlog} in another group`, () => {
      const runs = new Runs();
      runs.many(backlog, (index) => `a host-${index} 1`);
      assert.equal(runs.open.length, LIMITS.share);
      void runs.run('b y 1');
      assert.equal(runs.begun.at(-1), 'b y 1');
    });

    it(`starts the work of a group at once despite a backlog of ${backlog} in another group for the same target`, () => {
      const runs = new Runs();
      runs.many(backlog, (index) => `a x ${index}`);
      assert.equal(runs.open.length, LIMITS.sharePerTarget);
      void runs.run('b x 1');
      assert.equal(runs.begun.at(-1), 'b x 1');
    });

    it(`starts the work of a group after one item of each other group, however long their backlogs are: ${backlog}`, async () => {
      const runs = new Runs({ places: 4, share: 2 });
      for (const group of ['a', 'b', 'c']) runs.many(backlog, (index) => `${group} host-${index} 1`);
      void runs.run('d y 1');
      let ended = 0;
      while (!runs.begun.includes('d y 1')) {
        await runs.end(runs.open[0] ?? '');
        ended += 1;
      }
      assert.ok(ended <= 4, `${ended}`);
    });
  }

  it('lets the targets of a group take turns, so that a full target delays no other', async () => {
    const runs = new Runs();
    runs.many(20, (index) => `a full ${index}`);
    runs.many(5, (index) => `a free-${index} 1`);
    assert.deepEqual(runs.open, ['a full 0', 'a full 1', 'a free-0 1', 'a free-1 1']);
    await runs.end('a free-0 1');
    await runs.end('a free-1 1');
    assert.deepEqual(runs.open, ['a full 0', 'a full 1', 'a free-2 1', 'a free-3 1']);
  });

  it('does not count work that waits for its target against the total', async () => {
    const runs = new Runs({ placesPerTarget: 1, sharePerTarget: 1 });
    for (const group of ['a', 'b', 'c', 'd']) runs.many(10, (index) => `${group} x ${index}`);
    assert.deepEqual(runs.open, ['a x 0']);
    runs.many(4, (index) => `e host-${index} 1`);
    assert.equal(runs.openOf('e '), 4);
    for (let index = 0; index < 4; index += 1) await runs.end(`e host-${index} 1`);
    for (const next of ['a x 1', 'b x 0', 'c x 0', 'd x 0', 'a x 2']) {
      await runs.end(runs.open[0] ?? '');
      assert.ok(runs.open.includes(next), next);
    }
  });

  it('exceeds no limit and runs all work, in whatever order work ends', async () => {
    const runs = new Runs();
    const names = ['a', 'b', 'c'].flatMap((group) =>
      ['x', 'y', 'z'].flatMap((target) => [1, 2, 3, 4].map((number) => `${group} ${target} ${number}`)),
    );
    const all = Promise.all(names.map((name) => runs.run(name)));
    const bounds: readonly (readonly [part: string, most: number])[] = [
      ['', LIMITS.places],
      ...['a ', 'b ', 'c '].map((group) => [group, LIMITS.share] as const),
      ...[' x ', ' y ', ' z '].map((target) => [target, LIMITS.placesPerTarget] as const),
      ...['a x ', 'b y ', 'c z '].map((both) => [both, LIMITS.sharePerTarget] as const),
    ];
    while (runs.open.length > 0) {
      for (const [part, most] of bounds) assert.ok(runs.openOf(part) <= most, part);
      await runs.end(runs.open[runs.begun.length % runs.open.length] ?? '');
    }
    assert.deepEqual(new Set(await all), new Set(names));
    assert.equal(runs.begun.length, names.length);
  });

  it('examines a bounded amount of waiting work when work ends, however many targets a group waits for', async () => {
    const operations = async (targets: number) => {
      const runs = new Runs();
      runs.many(targets, (index) => `a x${index}`);
      return operationsDuring(() => runs.end('a x0'));
    };
    const [once, twice] = [await operations(1_000), await operations(2_000)];
    // Unrelated calls vary a little. Examining each target would take thousands.
    assert.ok(once < 500 && twice < 500, `${once} operations, then ${twice}`);
  });

  it('drops work whose wait for a place is aborted, and no work that has begun', async () => {
    const runs = new Runs({ sharePerTarget: 1 });
    const wait = new AbortController();
    void runs.run('a x 1', wait.signal);
    const dropped = assert.rejects(runs.run('a x 2', wait.signal), /enough/);
    const last = runs.run('a x 3');
    wait.abort(new Error('enough'));
    await dropped;
    assert.deepEqual(runs.open, ['a x 1']);
    await runs.end('a x 1');
    assert.deepEqual(runs.begun, ['a x 1', 'a x 3']);
    await runs.end('a x 3');
    assert.equal(await last, 'a x 3');
    await turn();
  });
});
