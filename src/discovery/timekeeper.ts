/** Milliseconds since the epoch at which something was first found missing, by what that is. */
export type Absences = ReadonlyMap<string, number>;

/** Measures how long things have been missing, and when to look again. */
export class Timekeeper {
  readonly #now: number;
  readonly #before: Absences;
  readonly #after = new Map<string, number>();
  #next = Number.POSITIVE_INFINITY;

  /** @param before - what was missing the last time; empty after a restart, which makes every absence begin anew */
  constructor(now: number, before: Absences) {
    this.#now = now;
    this.#before = before;
  }

  /** What is missing this time; what is back is forgotten. */
  get absences(): Absences {
    return this.#after;
  }

  get lookAgainAfterMs(): number | undefined {
    return this.#next === Number.POSITIVE_INFINITY ? undefined : this.#next - this.#now;
  }

  /** Since when this is missing, which it is now. */
  missingSince(what: string): number {
    const since = this.#before.get(what) ?? this.#now;
    this.#after.set(what, since);
    return since;
  }

  /** Whether that time has come; if not, somebody has to look again then. */
  hasCome(time: number): boolean {
    if (time <= this.#now) return true;
    this.#next = Math.min(this.#next, time);
    return false;
  }
}
