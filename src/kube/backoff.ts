/**
 * Waiting times that double from `first` to `longest`, each with up to half of it taken off at random, so that
 * many that failed together do not come back together. Milliseconds.
 */
export class Backoff {
  readonly #first: number;
  readonly #longest: number;
  #failures = 0;

  constructor(first: number, longest: number) {
    this.#first = first;
    this.#longest = longest;
  }

  /** The time to wait after one more failure. */
  next(): number {
    const full = Math.min(this.#first * 2 ** this.#failures, this.#longest);
    this.#failures += 1;
    return full * (1 - Math.random() / 2);
  }

  /** To be called on progress. */
  reset(): void {
    this.#failures = 0;
  }
}
