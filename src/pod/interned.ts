import { hash } from 'node:crypto';

/**
 * Replaces equal values with one object, so that thousands of pods share one value in memory. The object is released
 * together with the last pod that uses it.
 */
export class Interned<Value extends object> {
  readonly #byHash = new Map<string, WeakRef<Value>>();
  readonly #collected = new FinalizationRegistry<string>((key) => {
    if (this.#byHash.get(key)?.deref() === undefined) this.#byHash.delete(key);
  });

  /** The number of different values in memory. */
  get size(): number {
    return this.#byHash.size;
  }

  /** The first value with the same JSON as this value. */
  of(value: Value): Value {
    // A hash is shorter than the JSON, which would stay in memory for each value.
    const key = hash('sha256', JSON.stringify(value), 'base64');
    const held = this.#byHash.get(key)?.deref();
    if (held !== undefined) return held;
    this.#byHash.set(key, new WeakRef(value));
    this.#collected.register(value, key);
    return value;
  }
}
