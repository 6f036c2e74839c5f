const LONGEST_IDLE_MS = 5 * 60_000;
const BEAT_MS = 1_000;

/** A loop that does something again and again: an attempt, an event, a wait that ends. */
export interface Moving {
  readonly description: string;
  /** Milliseconds since it last did anything; infinitely long is not possible: it has begun at some time. */
  readonly idleMs: number;
}

/** Which of these have done nothing for more than five minutes, which only a restart mends; undefined: none. */
export function stuck(parts: readonly Moving[]): string | undefined {
  const still = parts.filter(({ idleMs }) => idleMs > LONGEST_IDLE_MS);
  if (still.length === 0) return undefined;
  return still
    .map(({ description, idleMs }) => `${description} has done nothing for ${Math.round(idleMs / 1000)} s`)
    .join('; ');
}

/**
 * Moves as long as timers fire. (An event loop that is blocked answers no probe at all; that needs no words.)
 */
export class Heartbeat implements Moving {
  readonly description = 'the timers';
  readonly #timer = setInterval(() => {
    this.#beatAt = performance.now();
  }, BEAT_MS).unref();
  #beatAt = performance.now();

  get idleMs(): number {
    return performance.now() - this.#beatAt;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
