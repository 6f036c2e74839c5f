const LONGEST_IDLE_MS = 5 * 60_000;
const BEAT_MS = 1_000;

/** A loop that the liveness probe watches. Each attempt, each event and each end of a wait counts as progress. */
export interface Loop {
  readonly description: string;
  /** Milliseconds since the loop last made progress, or started. */
  readonly idleMs: number;
}

/** Names the loops that have made no progress for more than five minutes; undefined: none. Only a restart fixes them. */
export function stuck(loops: readonly Loop[]): string | undefined {
  const idle = loops.filter(({ idleMs }) => idleMs > LONGEST_IDLE_MS);
  if (idle.length === 0) return undefined;
  return idle
    .map(
      ({ description, idleMs }) => `${description} has made no progress for ${Math.round(idleMs / 1000)} s`,
    )
    .join('; ');
}

/**
 * A loop that makes progress as long as timers fire. It does not have to report a blocked event loop, because then the
 * process answers no probe at all.
 */
export class Heartbeat implements Loop {
  readonly description = 'the heartbeat';
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
