import { isDeepStrictEqual } from 'node:util';
import { type ListenerErrorHandler, throwUnhandled } from '../kube/index.ts';

/** What became of the temporary Secrets that this process has written for a binding. */
export interface TemporaryWrites {
  /** Why the API server refused one of them; undefined: it accepted the last one, and no Scan waits for a refused one. */
  readonly refusal: string | undefined;
}

/** Limit on the refusals that are kept for a binding. A further one is kept when its write is refused again. */
const MOST_REFUSALS = 1_000;

/**
 * The temporary Secrets that the API server has refused, by binding. Bindings and Scans are named by their keys. A restart loses
 * this; then the status of the binding says whether the last write was refused. A change of the spec of the binding ends both.
 */
export class TemporaryRefusals {
  /** By binding: why the Secret of each Scan was refused. The Scan that was refused first comes first. Empty: none is refused. */
  readonly #byBinding = new Map<string, Map<string, string>>();
  readonly #listeners: ((binding: string) => void)[] = [];
  readonly #isHeld: (scan: string) => boolean;
  readonly #onListenerError: ListenerErrorHandler;

  /**
   * @param isHeld - whether a Scan still waits for its Secret
   * @param onListenerError - as for the class Store in src/kube
   */
  constructor(isHeld: (scan: string) => boolean, onListenerError: ListenerErrorHandler = throwUnhandled) {
    this.#isHeld = isHeld;
    this.#onListenerError = onListenerError;
  }

  /** undefined: this process has not written one for the binding. */
  get(binding: string): TemporaryWrites | undefined {
    const refused = this.#byBinding.get(binding);
    return refused && { refusal: refused.values().next().value };
  }

  /** @param listener - receives the key of a binding whose {@link TemporaryWrites} have changed */
  onChange(listener: (binding: string) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Records a write. The refusals of Scans that no longer wait are forgotten, up to the first Scan that waits. So the cost does not
   * depend on how many Scans wait.
   *
   * @param refusal - undefined: the API server accepted the Secret
   */
  note(binding: string, scan: string, refusal: string | undefined): void {
    const before = this.get(binding);
    const refused = this.#byBinding.get(binding) ?? new Map<string, string>();
    if (refusal === undefined) refused.delete(scan);
    for (const other of refused.keys()) {
      if (this.#isHeld(other)) break;
      refused.delete(other);
    }
    if (refusal !== undefined && refused.size < MOST_REFUSALS) refused.set(scan, refusal);
    this.#byBinding.set(binding, refused);
    if (!isDeepStrictEqual(before, this.get(binding))) this.#notify(binding);
  }

  /** Forgets a binding whose spec has changed, or that was deleted. */
  forget(binding: string): void {
    this.#byBinding.delete(binding);
  }

  #notify(binding: string): void {
    for (const listener of this.#listeners) {
      try {
        listener(binding);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }
}
