import type { Claim, FairLimiter } from './fair-limiter.ts';

/**
 * Work that several callers want at the same time is done once for all of them. Work that has begun is shared by all
 * groups. Work that waits for a place is shared only within its group, because the queue of another group may be longer.
 */
export class SharedWork<Result> {
  readonly #limiter: FairLimiter;
  readonly #begun = new Map<string, Promise<Result>>();
  readonly #waiting = new Map<string, Promise<Result>>();

  constructor(limiter: FairLimiter) {
    this.#limiter = limiter;
  }

  /** Whether this work is being done. */
  hasBegun(key: string): boolean {
    return this.#begun.has(key);
  }

  /**
   * The result of the work, which begins within this call if there is a place.
   *
   * @param key - equal for equal work
   * @param patience - as in {@link FairLimiter.run}
   */
  run(claim: Claim, key: string, work: () => Promise<Result>, patience?: number): Promise<Result> {
    const own = `${claim.group} ${key}`;
    const shared = this.#begun.get(key) ?? this.#waiting.get(own);
    if (shared !== undefined) return shared;
    const begin = () => this.#begun.get(key) ?? whileUnderWay(this.#begun, key, work());
    return whileUnderWay(this.#waiting, own, this.#limiter.run(claim, begin, patience));
  }
}

/** Keeps a promise in the map until it settles. */
function whileUnderWay<Result>(
  map: Map<string, Promise<Result>>,
  key: string,
  work: Promise<Result>,
): Promise<Result> {
  const kept = work.finally(() => map.delete(key));
  map.set(key, kept);
  return kept;
}
