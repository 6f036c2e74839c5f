import { Backoff } from '../backoff.ts';
import { KubeError } from '../errors.ts';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5 * 60_000;
/** Upper bound on how long a failing key delays a reconcile that a new change triggers. */
const LONGEST_HOLD_MS = 5_000;
/** Repetitions that are closer together than this count together. The first two have no consequence. */
const CHURN_WINDOW_MS = 10_000;
const USUAL_REPETITIONS = 2;

interface Churn {
  readonly at: number;
  readonly repetitions: number;
  readonly backoff: Backoff;
}

/**
 * Limits the rate at which keys are processed that fail, or whose processing repeats itself. A hold applies whoever adds
 * the key, because what adds it may be a consequence of its own processing.
 */
export class RateLimiter {
  readonly #backoffs = new Map<string, Backoff>();
  /** Until when a key is held back, in milliseconds of the monotonic clock. */
  readonly #holds = new Map<string, number>();
  /** Keys that have repeated themselves lately. The key whose last repetition is the longest ago comes first. */
  readonly #churn = new Map<string, Churn>();

  /** For how many milliseconds the key is still held back; 0 or less: it is not. */
  holdMs(key: string): number {
    return (this.#holds.get(key) ?? 0) - performance.now();
  }

  /** Ends the hold of a key. Its back-off continues to grow. */
  endHold(key: string): void {
    this.#holds.delete(key);
  }

  /** Forgets the failures of a key, and ends its hold. */
  forget(key: string): void {
    this.#backoffs.delete(key);
    this.#holds.delete(key);
  }

  /**
   * Notes a failure, and holds the key back.
   *
   * @param error - one with `Retry-After` asks for at least that time
   * @returns the time until the next try, in milliseconds. It grows with each failure until {@link forget}.
   */
  noteFailure(key: string, error: unknown): number {
    const backoff = this.#backoffs.get(key) ?? new Backoff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
    this.#backoffs.set(key, backoff);
    const asked = error instanceof KubeError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const wait = Math.max(backoff.next(), asked);
    this.#hold(key, Math.max(asked, Math.min(wait, LONGEST_HOLD_MS)));
    return wait;
  }

  /** Notes that the processing of the key has repeated itself. Holds the key back if it does so often. */
  noteRepetition(key: string): void {
    const now = performance.now();
    for (const [old, { at }] of this.#churn) {
      if (now - at < CHURN_WINDOW_MS) break;
      this.#churn.delete(old);
    }
    const { repetitions, backoff } = this.#churn.get(key) ?? {
      repetitions: 0,
      backoff: new Backoff(FIRST_RETRY_MS, LONGEST_HOLD_MS),
    };
    this.#churn.delete(key);
    this.#churn.set(key, { at: now, repetitions: repetitions + 1, backoff });
    if (repetitions >= USUAL_REPETITIONS) this.#hold(key, backoff.next());
  }

  #hold(key: string, milliseconds: number): void {
    this.#holds.set(key, Math.max(this.#holds.get(key) ?? 0, performance.now() + milliseconds));
  }
}
