/** The group and target of some work. Each has at most its share of the concurrency. */
export interface Claim {
  /** For example a namespace. The backlog of one group does not delay another. */
  readonly group: string;
  /** For example a registry. */
  readonly target: string;
}

/** Limits on concurrent work. If a share is below the total, other groups can start at any time. */
export interface Limits {
  readonly places: number;
  /** Limit for one group, of the total. */
  readonly share: number;
  readonly placesPerTarget: number;
  /** Limit for one group, of a target's limit. */
  readonly sharePerTarget: number;
}

/** Work was dropped because it could not start within its patience. */
export class DelayedError extends Error {
  override readonly name = 'DelayedError';
}

interface Waiting extends Claim {
  readonly enter: () => void;
}

/**
 * Limits concurrent work. Groups take turns, and so do the targets of a group. Work of the same group and target runs
 * in order. Waiting work counts neither against the total nor against the limit of its target.
 *
 * When work ends, each waiting group is examined once, and in each group at most the targets that are in use.
 */
export class FairLimiter {
  readonly #limits: Limits;
  #held = 0;
  readonly #heldBy = new Counts();
  /** By group, then by target. Both are in the order of their turns. Empty entries are deleted. */
  readonly #waiting = new Map<string, Map<string, Set<Waiting>>>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /**
   * Runs the work as soon as the limits allow. If they allow it now, the work starts within this call.
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
      // Otherwise each of its targets would be examined.
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

  /** Moves the group, and its target, behind the others. */
  #endTurn({ group, target }: Claim): void {
    const targets = this.#waiting.get(group);
    if (targets === undefined) return;
    moveToEnd(targets, target);
    moveToEnd(this.#waiting, group);
  }
}

/** Counters that default to 0. A 0 takes no memory. */
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
