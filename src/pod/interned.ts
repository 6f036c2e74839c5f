import { hash } from 'node:crypto';

/**
 * Equal values as one object: what thousands of pods have in common is kept once, for as long as one of them is there.
 */
export class Interned<Value extends object> {
  readonly #byHash = new Map<string, WeakRef<Value>>();
  readonly #collected = new FinalizationRegistry<string>((key) => {
    if (this.#byHash.get(key)?.deref() === undefined) this.#byHash.delete(key);
  });

  /** How many different values are held. */
  get size(): number {
    return this.#byHash.size;
  }

  /** The value that was given first among those that are equal to this one, as JSON. */
  of(value: Value): Value {
    // Shorter than the text, of which there would be one for each value.
    const key = hash('sha256', JSON.stringify(value), 'base64');
    const held = this.#byHash.get(key)?.deref();
    if (held !== undefined) return held;
    this.#byHash.set(key, new WeakRef(value));
    this.#collected.register(value, key);
    return value;
  }
}
