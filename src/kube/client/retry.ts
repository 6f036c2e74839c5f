import { Backoff } from '../backoff.ts';
import { KubeError } from '../errors.ts';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;
const RETRIES = 4;
/** If the server asks for a longer wait, the request fails, so that the caller can requeue. */
const LONGEST_RETRY_AFTER_MS = 5_000;
const LONGEST_IN_ALL_MS = 30_000;

/** Statuses after which a read is retried, because the problem may be transient. */
const TRANSIENT = new Set([0, 429, 500, 502, 503, 504]);

/**
 * Decides for one request whether it is retried. A read is retried after any transient problem. A write is retried only if
 * it certainly had no effect: the server says so (429 or 503 with `Retry-After`), or the request was never sent.
 */
export class RetryPolicy {
  readonly #reads: boolean;
  readonly #backoff = new Backoff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
  readonly #begun = performance.now();
  readonly #connectMs: number;
  #tries = 0;

  /** @param connectMs - how long a request that never reached the server is repeated, in milliseconds */
  constructor(method: string, connectMs = LONGEST_IN_ALL_MS) {
    this.#reads = method === 'GET';
    this.#connectMs = connectMs;
  }

  /** Delay before the next try in milliseconds; undefined: do not retry. */
  waitAfter(error: unknown): number | undefined {
    if (!(error instanceof KubeError) || !this.#mayRetry(error)) return undefined;
    this.#tries += 1;
    const wait = this.#backoff.next();
    const elapsed = performance.now() - this.#begun;
    if (this.#tries > RETRIES || elapsed > LONGEST_IN_ALL_MS) return undefined;
    if (error.unsent && elapsed + wait > this.#connectMs) return undefined;
    const requested = (error.retryAfterSeconds ?? 0) * 1000;
    return requested > LONGEST_RETRY_AFTER_MS ? undefined : requested + wait;
  }

  #mayRetry(error: KubeError): boolean {
    if (error.reason === 'Misconfigured') return false;
    if (error.unsent) return true;
    const refusedForNow = error.status === 429 || error.status === 503;
    if (refusedForNow && error.retryAfterSeconds !== undefined) return true;
    return this.#reads && TRANSIENT.has(error.status);
  }
}
