/**
 * When something was first found missing, in milliseconds since the epoch: by repository, then by user. Both keys are
 * strings that other objects hold, too. This saves memory, because a namespace may have a hundred thousand of them.
 */
export type MissingSince = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Measures how long something has been missing, and when the next grace period ends. */
export class GracePeriods {
  readonly #now: number;
  readonly #before: MissingSince;
  readonly #after = new Map<string, Map<string, number>>();
  #next = Number.POSITIVE_INFINITY;

  /** @param before - what was missing at the last decision. Empty after a restart, which restarts every grace period. */
  constructor(now: number, before: MissingSince) {
    this.#now = now;
    this.#before = before;
  }

  /** What is missing now. Omits what is no longer missing. */
  get missingSince(): MissingSince {
    return this.#after;
  }

  /** Milliseconds until the next time for which {@link hasPassed} returned false; undefined: there is none. */
  get requeueAfterMs(): number | undefined {
    return this.#next === Number.POSITIVE_INFINITY ? undefined : this.#next - this.#now;
  }

  /** Records that this is missing now, and returns the time since when it has been missing. */
  noteMissing(repository: string, user: string): number {
    const since = this.#before.get(repository)?.get(user) ?? this.#now;
    const missing = this.#after.get(repository) ?? new Map<string, number>();
    this.#after.set(repository, missing.set(user, since));
    return since;
  }

  /** Whether `time` has passed. If not, the namespace is requeued at `time` or earlier ({@link requeueAfterMs}). */
  hasPassed(time: number): boolean {
    if (time <= this.#now) return true;
    this.#next = Math.min(this.#next, time);
    return false;
  }
}
