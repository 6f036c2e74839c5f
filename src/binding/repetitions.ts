/** A second write of an object within this time is a repetition. */
const REPETITION_MS = 10_000;

/** Notices writes that follow soon after a write of the same object: somebody may undo what the controller writes. */
export class Repetitions {
  /** When objects were written, the longest ago first, in milliseconds. */
  readonly #writes = new Map<string, number>();

  /**
   * Notes that these objects have just been written.
   *
   * @param now - in milliseconds since the epoch
   * @returns whether one of them had been written a short while ago.
   */
  note(keys: readonly string[], now: number): boolean {
    for (const [old, at] of this.#writes) {
      if (now - at < REPETITION_MS) break;
      this.#writes.delete(old);
    }
    const repeated = keys.filter((key) => this.#writes.delete(key));
    for (const key of keys) this.#writes.set(key, now);
    return repeated.length > 0;
  }
}
