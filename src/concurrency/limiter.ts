/** Work that waits for a place. */
export interface Waiting<Claim> {
  readonly claim: Claim;
  readonly enter: () => void;
}

/**
 * Limits concurrent work. A subclass counts the places that are in use, and keeps the waiting work in the order in which
 * it gets a place.
 *
 * @typeParam Claim - the description of the work to which the limits are applied
 */
export abstract class Limiter<Claim> {
  /**
   * Runs the work as soon as the limits allow. If they allow it now, the work starts within this call.
   *
   * @param signal - cancels the wait for a place: the work does not start, and the reason of the signal is thrown
   */
  async run<T>(claim: Claim, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (!this.tryEnter(claim)) await this.#wait(claim, signal);
    try {
      return await work();
    } finally {
      this.leave(claim);
      for (let next = this.takeNext(); next !== undefined; next = this.takeNext()) next.enter();
    }
  }

  async #wait(claim: Claim, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve: enter, reject } = Promise.withResolvers<void>();
    const waiting = { claim, enter };
    const cancel = () => {
      this.removeWaiting(waiting);
      reject(signal?.reason);
    };
    this.addWaiting(waiting);
    signal?.addEventListener('abort', cancel);
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  /** Takes a place if the limits allow it now. Returns whether it did. */
  protected abstract tryEnter(claim: Claim): boolean;

  /** Releases a place. */
  protected abstract leave(claim: Claim): void;

  protected abstract addWaiting(waiting: Waiting<Claim>): void;

  protected abstract removeWaiting(waiting: Waiting<Claim>): void;

  /**
   * Removes the next waiting work that the limits allow to start, and takes a place for it.
   *
   * @returns undefined if the limits allow none
   */
  protected abstract takeNext(): Waiting<Claim> | undefined;
}
