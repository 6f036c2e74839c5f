/** `background` requests let others go first, but for every fourth. */
export type Priority = 'normal' | 'background';

/** Of so many requests that begin one is of the background, where one waits: a flood of others must not stop them. */
const BACKGROUND_EVERY = 4;

interface Waiter {
  readonly begin: () => void;
}

/**
 * Room for so many requests at the same time. Where there is none, requests wait in the order in which they came, those
 * of `normal` priority before those of `background`, except that every fourth place goes to one of the background.
 */
export class RequestSlots {
  readonly #waiting: Readonly<Record<Priority, Set<Waiter>>> = { normal: new Set(), background: new Set() };
  #free: number;
  /** How many places have been handed on since one went to the background. */
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
