import { Limiter, type Waiting } from './limiter.ts';

/** The group and the target of work. The concurrency of each of them is limited. */
export interface Claim {
  /** For example a namespace. The backlog of one group does not delay another. */
  readonly group: string;
  /** For example a registry. */
  readonly target: string;
}

/** Limits on concurrent work. If a share is below the total, other groups can start at any time. */
export interface Limits {
  readonly places: number;
  /** Limit on the places of one group. */
  readonly share: number;
  readonly placesPerTarget: number;
  /** Limit on the places of one group for one target. */
  readonly sharePerTarget: number;
}

/** Work was dropped because it waited too long for a place. */
export class DelayedError extends Error {
  override readonly name = 'DelayedError';
}

/**
 * Limits concurrent work. Groups take turns, and so do the targets of a group. Work of the same group and target starts
 * in order. Only running work counts toward the limits.
 *
 * Finding the next work has a bounded cost. The limiter examines each waiting group at most once. Within a group, it skips only
 * targets that are in use. Their number is at most `Limits.places`.
 */
export class FairLimiter extends Limiter<Claim> {
  readonly #limits: Limits;
  readonly #total: Bound;
  /** Places in use, by the name of a {@link Bound}. Zero counts are deleted. */
  readonly #inUse = new Map<string, number>();
  /** By group, then by target. Both are in the order of their turns. Empty entries are deleted. */
  readonly #waiting = new Map<string, Map<string, Set<Waiting<Claim>>>>();

  constructor(limits: Limits) {
    super();
    this.#limits = limits;
    this.#total = ['total', limits.places];
  }

  protected override tryEnter(claim: Claim): boolean {
    const bounds = this.#boundsOf(claim);
    if (!bounds.every((bound) => this.#isBelow(bound))) return false;
    for (const [name] of bounds) this.#inUse.set(name, (this.#inUse.get(name) ?? 0) + 1);
    return true;
  }

  protected override leave(claim: Claim): void {
    for (const [name] of this.#boundsOf(claim)) {
      const count = (this.#inUse.get(name) ?? 0) - 1;
      if (count === 0) this.#inUse.delete(name);
      else this.#inUse.set(name, count);
    }
  }

  protected override addWaiting(waiting: Waiting<Claim>): void {
    const { group, target } = waiting.claim;
    const targets = this.#waiting.get(group) ?? new Map<string, Set<Waiting<Claim>>>();
    const queue = targets.get(target) ?? new Set();
    this.#waiting.set(group, targets);
    targets.set(target, queue.add(waiting));
  }

  protected override removeWaiting(waiting: Waiting<Claim>): void {
    const { group, target } = waiting.claim;
    const targets = this.#waiting.get(group);
    const queue = targets?.get(target);
    queue?.delete(waiting);
    if (queue?.size === 0) targets?.delete(target);
    if (targets?.size === 0) this.#waiting.delete(group);
  }

  protected override takeNext(): Waiting<Claim> | undefined {
    if (!this.#isBelow(this.#total)) return undefined;
    for (const [group, targets] of this.#waiting) {
      // Skips a full group, because otherwise each of its targets would be examined.
      if (!this.#isBelow(this.#boundOfGroup(group))) continue;
      for (const [target, [next]] of targets) {
        if (next === undefined || !this.tryEnter(next.claim)) continue;
        this.removeWaiting(next);
        moveToEnd(targets, target);
        moveToEnd(this.#waiting, group);
        return next;
      }
    }
    return undefined;
  }

  #boundOfGroup(group: string): Bound {
    return [`group ${group}`, this.#limits.share];
  }

  #boundsOf({ group, target }: Claim): readonly Bound[] {
    const { placesPerTarget, sharePerTarget } = this.#limits;
    return [
      this.#total,
      this.#boundOfGroup(group),
      [`target ${target}`, placesPerTarget],
      [`both ${group} ${target}`, sharePerTarget],
    ];
  }

  #isBelow([name, most]: Bound): boolean {
    return (this.#inUse.get(name) ?? 0) < most;
  }
}

/** The name of a limit, and the limit. */
type Bound = readonly [name: string, most: number];

function moveToEnd<Value>(map: Map<string, Value>, key: string): void {
  const value = map.get(key);
  if (value === undefined) return;
  map.delete(key);
  map.set(key, value);
}
