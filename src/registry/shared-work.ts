import type { Claim, FairLimiter } from './fair-limiter.ts';

/**
 * Work that several want at the same time, and that is done once for all of them. What has begun is shared by everybody.
 * What waits for its place is shared within its group alone, because the place of one group may be far behind that of
 * another.
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
   * The result of the work, which is begun in this very call if there is a place.
   *
   * @param key - equal where the work is
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
