import { Backoff } from '../backoff.ts';
import { KubeError } from '../errors.ts';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5 * 60_000;
/** Upper bound on how long a failing key delays a reconcile that a new change triggers. */
const LONGEST_KEY_DELAY_MS = 5_000;
/** Repetitions within this time of each other count as one series. The first two of a series cause no delay. */
const CHURN_WINDOW_MS = 10_000;
const USUAL_REPETITIONS = 2;

interface Churn {
  readonly at: number;
  readonly repetitions: number;
  readonly backoff: Backoff;
}

/**
 * Limits how often a key that fails or repeats its writes is processed. The delay of a key applies regardless of what
 * adds the key, because the key's own processing may have caused the addition.
 */
export class RateLimiter {
  readonly #backoffs = new Map<string, Backoff>();
  /** When the delay of a key ends, in milliseconds of the monotonic clock. */
  readonly #delayedUntil = new Map<string, number>();
  /** Keys that have repeated a write recently. The key that has not repeated one for the longest time comes first. */
  readonly #churn = new Map<string, Churn>();

  /** Remaining milliseconds of the key's delay; 0 or less: it has none. */
  delayMs(key: string): number {
    return (this.#delayedUntil.get(key) ?? 0) - performance.now();
  }

  /** Ends the delay of a key. Its back-off continues to grow. */
  endDelay(key: string): void {
    this.#delayedUntil.delete(key);
  }

  /** Forgets the failures of a key, and ends its delay. */
  forget(key: string): void {
    this.#backoffs.delete(key);
    this.#delayedUntil.delete(key);
  }

  /**
   * Records a failure, and starts a delay.
   *
   * @param error - `Retry-After` in it is the minimum delay
   * @returns the time until the next try, in milliseconds. It grows with each failure until {@link forget}.
   */
  noteFailure(key: string, error: unknown): number {
    const backoff = this.#backoffs.get(key) ?? new Backoff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
    this.#backoffs.set(key, backoff);
    const requested = error instanceof KubeError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const wait = Math.max(backoff.next(), requested);
    this.#delay(key, Math.max(requested, Math.min(wait, LONGEST_KEY_DELAY_MS)));
    return wait;
  }

  /** Records that the processing of the key has repeated a write. Starts a delay if that happens often. */
  noteRepetition(key: string): void {
    const now = performance.now();
    for (const [old, { at }] of this.#churn) {
      if (now - at < CHURN_WINDOW_MS) break;
      this.#churn.delete(old);
    }
    const { repetitions, backoff } = this.#churn.get(key) ?? {
      repetitions: 0,
      backoff: new Backoff(FIRST_RETRY_MS, LONGEST_KEY_DELAY_MS),
    };
    this.#churn.delete(key);
    this.#churn.set(key, { at: now, repetitions: repetitions + 1, backoff });
    if (repetitions >= USUAL_REPETITIONS) this.#delay(key, backoff.next());
  }

  #delay(key: string, milliseconds: number): void {
    this.#delayedUntil.set(key, Math.max(this.#delayedUntil.get(key) ?? 0, performance.now() + milliseconds));
  }
}
