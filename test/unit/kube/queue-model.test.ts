import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { type Outcome, WorkQueue } from '../../../src/kube/queue/queue.ts';
import { until } from '../../support/until.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e'];
const key = fc.constantFrom(...KEYS);
const concurrency = fc.integer({ min: 1, max: 3 });

/** A simple reference implementation of the queue. */
class Model {
  readonly begun: string[] = [];
  readonly #concurrency: number;
  readonly #processing = new Set<string>();
  readonly #again = new Set<string>();
  #waiting: string[] = [];

  constructor(size: number) {
    this.#concurrency = size;
  }

  get depth(): number {
    return this.#waiting.length;
  }

  add(added: string): void {
    if (this.#processing.has(added)) this.#again.add(added);
    else if (!this.#waiting.includes(added)) this.#waiting.push(added);
    this.#fill();
  }

  /** Ends the processing of a key, if the key is being processed. */
  end(ended: string): void {
    if (!this.#processing.delete(ended)) return;
    if (this.#again.delete(ended)) this.add(ended);
    this.#fill();
  }

  #fill(): void {
    const room = this.#concurrency - this.#processing.size;
    for (const next of this.#waiting.slice(0, room)) {
      this.#processing.add(next);
      this.begun.push(next);
    }
    this.#waiting = this.#waiting.slice(Math.max(room, 0));
  }
}

const OUTCOMES = ['succeed', 'fail', 'requeue', 'repeat'] as const;
type Plan = Readonly<Record<string, readonly (typeof OUTCOMES)[number][]>>;

/** Processes keys as planned, and tracks the keys that must still be processed. */
class PlannedProcessor {
  readonly outstanding = new Set<string>();
  readonly #running = new Set<string>();
  readonly #left: Map<string, (typeof OUTCOMES)[number][]>;
  readonly #size: number;

  constructor(plan: Plan, size: number) {
    this.#left = new Map(Object.entries(plan).map(([name, list]) => [name, [...list]]));
    this.#size = size;
  }

  get isFree(): boolean {
    return this.outstanding.size === 0 && this.#running.size === 0;
  }

  readonly process = async (next: string): Promise<Outcome> => {
    assert.ok(!this.#running.has(next), `${next} twice at the same time`);
    assert.ok(this.#running.size < this.#size, 'too many at the same time');
    this.#running.add(next);
    this.outstanding.delete(next);
    await turn();
    this.#running.delete(next);
    const outcome = this.#left.get(next)?.shift() ?? 'succeed';
    if (outcome === 'fail' || outcome === 'requeue') this.outstanding.add(next);
    if (outcome === 'fail') throw new Error('planned');
    return outcome === 'requeue' ? { requeueAfterMs: 1 } : { repeated: outcome === 'repeat' };
  };
}

describe('WorkQueue, in any order of events', () => {
  const step = fc.oneof(
    fc.record({ does: fc.constant('add' as const), key }),
    fc.record({ does: fc.constant('end' as const), key }),
  );

  it('processes keys in the same order as a simple model', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), concurrency, async (steps, size) => {
        const begun: string[] = [];
        const running = new Map<string, PromiseWithResolvers<Outcome>>();
        const process = (next: string) => {
          assert.ok(!running.has(next), `${next} twice at the same time`);
          begun.push(next);
          const ending = Promise.withResolvers<Outcome>();
          running.set(next, ending);
          return ending.promise;
        };
        const queue = new WorkQueue({ process, concurrency: size });
        const model = new Model(size);
        queue.start();
        for (const { does, key: one } of steps) {
          model[does](one);
          if (does === 'add') queue.add(one);
          else {
            const ending = running.get(one);
            running.delete(one);
            ending?.resolve({});
          }
          await turn(); // The queue notes the end,
          await turn(); // and starts the next key.
          assert.deepEqual([begun, queue.depth], [model.begun, model.depth]);
        }
        for (const { resolve } of running.values()) resolve({});
        await queue.stop();
      }),
    );
  });

  const ways = fc.constantFrom('add' as const, 'addAfter' as const, 'addRateLimited' as const);
  const outcomes = fc.array(fc.constantFrom(...OUTCOMES), { maxLength: 3 });

  it('loses no key: a key is processed after it was last added, failed or was requeued', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ way: ways, key }), { minLength: 1, maxLength: 20 }),
        fc.record({ a: outcomes, b: outcomes, c: outcomes, d: outcomes, e: outcomes }),
        concurrency,
        async (adds, plan, size) => {
          const processor = new PlannedProcessor(plan, size);
          const queue = new WorkQueue({ process: processor.process, concurrency: size });
          queue.start();
          for (const { way, key: one } of adds) {
            processor.outstanding.add(one);
            if (way === 'addAfter') queue.addAfter(one, 2);
            else queue[way](one);
            await turn();
          }
          await until(() => processor.isFree && queue.depth === 0, 'every key to be processed', 10);
          await queue.stop();
        },
      ),
      { numRuns: Math.min(fc.readConfigureGlobal().numRuns ?? 12, 100), endOnFailure: true },
    );
  });
});
