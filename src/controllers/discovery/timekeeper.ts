/**
 * Milliseconds since the epoch at which something was first found missing: by owner, then by name. Both keys are
 * strings that other objects hold anyway, because a namespace may have a hundred thousand of them.
 */
export type Absences = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Measures how long things have been missing, and when to look again. */
export class Timekeeper {
  readonly #now: number;
  readonly #before: Absences;
  readonly #after = new Map<string, Map<string, number>>();
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
  missingSince(owner: string, what: string): number {
    const since = this.#before.get(owner)?.get(what) ?? this.#now;
    const missing = this.#after.get(owner) ?? new Map<string, number>();
    this.#after.set(owner, missing.set(what, since));
    return since;
  }

  /** Whether that time has come; if not, somebody has to look again then. */
  hasCome(time: number): boolean {
    if (time <= this.#now) return true;
    this.#next = Math.min(this.#next, time);
    return false;
  }
}
