import { type Claim, DelayedError, type FairLimiter } from './fair-limiter.ts';

interface Queued<Result> {
  readonly result: Promise<Result>;
  /** Cancels the wait for a place; undefined: the wait has no limit. */
  readonly timer: NodeJS.Timeout | undefined;
}

/**
 * Runs work once for all callers that request it at the same time. All groups share running work. Waiting work is
 * shared only within its group, because the queue of another group may be longer.
 */
export class SharedWork<Result> {
  readonly #limiter: FairLimiter;
  readonly #patience: number | undefined;
  readonly #begun = new Map<string, Promise<Result>>();
  /** By group and key, until the work ends. */
  readonly #queued = new Map<string, Queued<Result>>();

  /** @param patience - how long work waits for a place after the last call for it, in milliseconds; undefined: no limit */
  constructor(limiter: FairLimiter, patience?: number) {
    this.#limiter = limiter;
    this.#patience = patience;
  }

  /** Whether this work is running. */
  hasBegun(key: string): boolean {
    return this.#begun.has(key);
  }

  /**
   * The result of the work. If the limits allow it now, the work starts within this call.
   *
   * @param key - equal for equal work
   * @throws DelayedError if the work gets no place within the patience
   */
  run(claim: Claim, key: string, work: () => Promise<Result>): Promise<Result> {
    const begun = this.#begun.get(key);
    if (begun !== undefined) return begun;
    const queued = this.#queued.get(`${claim.group} ${key}`);
    if (queued === undefined) return this.#queue(claim, key, work);
    queued.timer?.refresh();
    return queued.result;
  }

  #queue(claim: Claim, key: string, work: () => Promise<Result>): Promise<Result> {
    const own = `${claim.group} ${key}`;
    const wait = new AbortController();
    const cancel = () =>
      wait.abort(
        new DelayedError(
          `the work did not start within ${this.#patience} ms, because all places were in use`,
        ),
      );
    const timer = this.#patience === undefined ? undefined : setTimeout(cancel, this.#patience);
    const begin = () => {
      // The timer is not cleared, because a call may refresh it until the entry is deleted.
      timer?.unref();
      return this.#begun.get(key) ?? this.#begin(key, work);
    };
    const result = this.#limiter.run(claim, begin, wait.signal).finally(() => {
      clearTimeout(timer);
      this.#queued.delete(own);
    });
    this.#queued.set(own, { result, timer });
    return result;
  }

  #begin(key: string, work: () => Promise<Result>): Promise<Result> {
    const begun = work().finally(() => this.#begun.delete(key));
    this.#begun.set(key, begun);
    return begun;
  }
}
