/**
 * Delays that double from `first` to `longest`. Each is shortened by up to half at random, so that clients that failed
 * together do not retry together. Milliseconds.
 */
export class Backoff {
  readonly #first: number;
  readonly #longest: number;
  #failures = 0;

  constructor(first: number, longest: number) {
    this.#first = first;
    this.#longest = longest;
  }

  /** The delay after one more failure. */
  next(): number {
    const full = Math.min(this.#first * 2 ** this.#failures, this.#longest);
    this.#failures += 1;
    return full * (1 - Math.random() / 2);
  }

  /** Call this on progress: the next delay is the first one again. */
  reset(): void {
    this.#failures = 0;
  }
}
