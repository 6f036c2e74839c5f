/** What work counts against: a group and a target each hold at most their share of the places. */
export interface Claim {
  /** Such as a namespace. The backlog of one group does not delay another. */
  readonly group: string;
  /** Such as a registry. */
  readonly target: string;
}

/** How much work may be done at the same time. A share below the total leaves places for other groups at any time. */
export interface Limits {
  readonly places: number;
  /** Of all places, for one group. */
  readonly share: number;
  readonly placesPerTarget: number;
  /** Of a target's places, for one group. */
  readonly sharePerTarget: number;
}

/** Work was dropped because it had no place within its patience. */
export class DelayedError extends Error {
  override readonly name = 'DelayedError';
}

interface Waiting extends Claim {
  readonly enter: () => void;
}

/**
 * Bounds how much work is done at the same time. Groups take turns, and so do the targets of a group. Work of the same
 * group and target is done in order. Waiting work holds no place, neither of all places nor of a target's.
 *
 * Each end of work looks at every waiting group once, and at most at the targets that are in use in each.
 */
export class FairLimiter {
  readonly #limits: Limits;
  #held = 0;
  readonly #heldBy = new Counts();
  /** By group, by target. Both are in the order of their turns, and nothing empty is kept. */
  readonly #waiting = new Map<string, Map<string, Set<Waiting>>>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /**
   * Does the work when there is a place for it: within this call, if there is one now.
   *
   * @param signal - ends the wait for a place: the work is not done then, and the reason of the signal is thrown
   */
  async run<T>(claim: Claim, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#mayEnter(claim)) this.#take(claim, 1);
    else await this.#wait(claim, signal);
    try {
      return await work();
    } finally {
      this.#take(claim, -1);
      this.#letIn();
    }
  }

  async #wait(claim: Claim, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve: enter, reject } = Promise.withResolvers<void>();
    const waiting = { ...claim, enter };
    this.#queueOf(claim).add(waiting);
    const giveUp = () => {
      this.#remove(waiting);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', giveUp);
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  #mayEnter({ group, target }: Claim): boolean {
    const { places, share, placesPerTarget, sharePerTarget } = this.#limits;
    return (
      this.#held < places &&
      this.#heldBy.get(['group', group]) < share &&
      this.#heldBy.get(['target', target]) < placesPerTarget &&
      this.#heldBy.get(['both', group, target]) < sharePerTarget
    );
  }

  #take({ group, target }: Claim, change: 1 | -1): void {
    this.#held += change;
    for (const key of [
      ['group', group],
      ['target', target],
      ['both', group, target],
    ]) {
      this.#heldBy.add(key, change);
    }
  }

  #letIn(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#remove(next);
      this.#take(next, 1);
      this.#endTurn(next);
      next.enter();
    }
  }

  #next(): Waiting | undefined {
    if (this.#held >= this.#limits.places) return undefined;
    for (const [group, targets] of this.#waiting) {
      // Else each of its targets would be looked at.
      if (this.#heldBy.get(['group', group]) >= this.#limits.share) continue;
      const target = targets.keys().find((each) => this.#mayEnter({ group, target: each }));
      if (target !== undefined) return first(targets.get(target) ?? []);
    }
    return undefined;
  }

  #queueOf({ group, target }: Claim): Set<Waiting> {
    const targets = this.#waiting.get(group) ?? new Map<string, Set<Waiting>>();
    const queue = targets.get(target) ?? new Set();
    this.#waiting.set(group, targets);
    targets.set(target, queue);
    return queue;
  }

  #remove(waiting: Waiting): void {
    const { group, target } = waiting;
    const targets = this.#waiting.get(group);
    const queue = targets?.get(target);
    queue?.delete(waiting);
    if (queue?.size === 0) targets?.delete(target);
    if (targets?.size === 0) this.#waiting.delete(group);
  }

  /** Puts the group, and its target, behind the others. */
  #endTurn({ group, target }: Claim): void {
    const targets = this.#waiting.get(group);
    if (targets === undefined) return;
    moveToEnd(targets, target);
    moveToEnd(this.#waiting, group);
  }
}

/** Numbers that are 0 unless they have been changed; a 0 takes no memory. */
class Counts {
  readonly #counts = new Map<string, number>();

  get(key: readonly string[]): number {
    return this.#counts.get(key.join(' ')) ?? 0;
  }

  add(key: readonly string[], change: number): void {
    const count = this.get(key) + change;
    if (count === 0) this.#counts.delete(key.join(' '));
    else this.#counts.set(key.join(' '), count);
  }
}

function moveToEnd<Value>(map: Map<string, Value>, key: string): void {
  const value = map.get(key);
  if (value === undefined) return;
  map.delete(key);
  map.set(key, value);
}

function first<Value>(values: Iterable<Value>): Value | undefined {
  const [value] = values;
  return value;
}
