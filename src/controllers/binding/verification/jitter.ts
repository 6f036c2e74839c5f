import type { SourceCredential } from '../../../platform/index.ts';

const BETWEEN_MS = 5_000;
const LONGEST_MS = 600_000;

/**
 * Spreads the checks of one credential over time. The first repository is due immediately. The delay of each further one
 * is random: up to 10 seconds for each earlier repository, at most ten minutes. Times are in milliseconds since the epoch.
 * A changed credential counts as a different one.
 */
export class Jitter {
  /** By credential: when the check of each repository is due. */
  readonly #dueTimes = new WeakMap<SourceCredential, Map<string, number>>();
  readonly #random: () => number;

  /** @param random - returns a number of at least 0 and below 1 */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** When the check of this repository is due. Later calls return the same time. */
  dueAt(credential: SourceCredential, repository: string, now: number): number {
    const dueTimes = this.#dueTimes.get(credential) ?? new Map<string, number>();
    this.#dueTimes.set(credential, dueTimes);
    const known = dueTimes.get(repository);
    if (known !== undefined) return known;
    const range = Math.min(2 * BETWEEN_MS * dueTimes.size, LONGEST_MS);
    const dueAt = now + range * this.#random();
    dueTimes.set(repository, dueAt);
    return dueAt;
  }
}
