/** `background` requests let others go first, except for every fourth place. */
export type Priority = 'normal' | 'background';

/**
 * While background requests wait, one of this many places goes to them, so that a flood of others cannot starve them.
 */
const BACKGROUND_EVERY = 4;

interface Waiter {
  readonly begin: () => void;
}

/**
 * Room for so many requests at the same time. Where there is none, requests wait in the order in which they came, those
 * of `normal` priority before those of `background`, except that every fourth place goes to a background request.
 */
export class RequestSlots {
  readonly #waiting: Readonly<Record<Priority, Set<Waiter>>> = { normal: new Set(), background: new Set() };
  #free: number;
  /** Places handed on since the last one that went to a background request. */
  #handedOn = 0;

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
    const { normal, background } = this.#waiting;
    this.#handedOn += 1;
    const first = this.#handedOn >= BACKGROUND_EVERY ? background : normal;
    const waiting = first.size > 0 ? first : first === normal ? background : normal;
    if (waiting === background) this.#handedOn = 0;
    const [waiter] = waiting;
    if (waiter === undefined) {
      this.#free += 1;
      return;
    }
    waiting.delete(waiter);
    waiter.begin();
  }
}
