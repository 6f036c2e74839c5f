/** `background` requests wait while any other does. */
export type Priority = 'normal' | 'background';

interface Waiter {
  readonly begin: () => void;
}

/**
 * Room for so many requests at the same time. Where there is none, requests wait in the order in which they came, those
 * of `normal` priority before all of `background`.
 */
export class RequestSlots {
  readonly #waiting: Readonly<Record<Priority, Set<Waiter>>> = { normal: new Set(), background: new Set() };
  #free: number;

  constructor(size: number) {
    this.#free = size;
  }

  /**
   * Resolves when there is room; {@link release} gives it back.
   *
   * @throws the reason of the signal, where that comes before there is room.
   */
  async acquire(priority: Priority, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { begin: resolve };
    const giveUp = () => {
      this.#waiting[priority].delete(waiter);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    this.#waiting[priority].add(waiter);
    await promise.finally(() => signal?.removeEventListener('abort', giveUp));
  }

  release(): void {
    for (const waiting of [this.#waiting.normal, this.#waiting.background]) {
      for (const waiter of waiting) {
        waiting.delete(waiter);
        waiter.begin();
        return;
      }
    }
    this.#free += 1;
  }
}
