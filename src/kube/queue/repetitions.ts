/** A second write of an object within this time is a repetition. */
const REPETITION_MS = 10_000;

/** Detects repeated writes of an object within a short time: another actor may be undoing the controller's writes. */
export class Repetitions {
  /** When objects were written, in milliseconds, the oldest write first. */
  readonly #writes = new Map<string, number>();

  /**
   * Records that these objects have just been written.
   *
   * @param now - in milliseconds since the epoch
   * @returns whether one of them had already been written in the last {@link REPETITION_MS}
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
