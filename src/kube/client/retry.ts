import { Backoff } from '../backoff.ts';
import { KubeError } from '../errors.ts';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;
const RETRIES = 4;
/** Who is asked to wait longer hears of it, and can do something else meanwhile. */
const LONGEST_RETRY_AFTER_MS = 5_000;
const LONGEST_IN_ALL_MS = 30_000;

/** What may pass by itself, for a request that changes nothing. */
const PASSING = new Set([0, 429, 500, 502, 503, 504]);

/**
 * Decides for one request whether it is sent again. One that reads is, after whatever may pass by itself. One that
 * writes is only where it certainly has not been done: the server says so (429, or 503, with `Retry-After`), or it never
 * left.
 */
export class RetryPolicy {
  readonly #reads: boolean;
  readonly #backoff = new Backoff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
  readonly #begun = performance.now();
  #tries = 0;

  constructor(method: string) {
    this.#reads = method === 'GET';
  }

  /** Milliseconds to wait before the next try; undefined: it is not to be tried again. */
  waitAfter(error: unknown): number | undefined {
    if (!(error instanceof KubeError) || !this.#maySend(error)) return undefined;
    this.#tries += 1;
    if (this.#tries > RETRIES || performance.now() - this.#begun > LONGEST_IN_ALL_MS) return undefined;
    const asked = (error.retryAfterSeconds ?? 0) * 1000;
    return asked > LONGEST_RETRY_AFTER_MS ? undefined : asked + this.#backoff.next();
  }

  #maySend(error: KubeError): boolean {
    if (error.unsent) return true;
    const refusedForNow = error.status === 429 || error.status === 503;
    if (refusedForNow && error.retryAfterSeconds !== undefined) return true;
    return this.#reads && PASSING.has(error.status);
  }
}
