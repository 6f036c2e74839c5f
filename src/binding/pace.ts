const MINUTE_MS = 60_000;

/** Gives out times, evenly spaced: a restart in between starts no burst. */
export class Pace {
  readonly #spacingMs: number;
  readonly #times = new Map<string, number>();
  #next = 0;

  /** @param perMinute - at least 1 */
  constructor(perMinute: number) {
    this.#spacingMs = MINUTE_MS / perMinute;
  }

  /** Milliseconds until the turn of a key; 0: now. It keeps its turn until it is {@link done}. */
  wait(key: string, now: number): number {
    let time = this.#times.get(key);
    if (time === undefined) {
      time = Math.max(now, this.#next);
      this.#next = time + this.#spacingMs;
      this.#times.set(key, time);
    }
    return Math.max(0, time - now);
  }

  /** The key has had its turn, or needs none any more. */
  done(key: string): void {
    this.#times.delete(key);
  }
}
