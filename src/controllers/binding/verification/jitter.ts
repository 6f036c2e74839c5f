import type { SourceCredential } from '../../../platform/index.ts';

const BETWEEN_MS = 5_000;
const LONGEST_MS = 600_000;

/**
 * Spreads the checks about one credential over time: the first repository's turn is at once, that of each further one
 * at random within as many times 10 seconds as there were before it, ten minutes at most. Times are in milliseconds since
 * the epoch. A credential that changes is another one, and begins anew.
 */
export class Jitter {
  /** By credential, for as long as that lives: the turn of each repository. */
  readonly #turns = new WeakMap<SourceCredential, Map<string, number>>();
  readonly #random: () => number;

  /** @param random - at least 0, below 1 */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** When it is this repository's turn; `now` or before: it is. The same whenever it is asked. */
  dueAt(credential: SourceCredential, repository: string, now: number): number {
    const turns = this.#turns.get(credential) ?? new Map<string, number>();
    this.#turns.set(credential, turns);
    const given = turns.get(repository);
    if (given !== undefined) return given;
    const range = Math.min(2 * BETWEEN_MS * turns.size, LONGEST_MS);
    const turn = now + range * this.#random();
    turns.set(repository, turn);
    return turn;
  }
}
