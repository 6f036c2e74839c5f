import { keyOf, type ListenerErrorHandler, type Stored, throwUnhandled } from '../kube/index.ts';

/** What a binding has come to, as far as its rivals and its Trivy Secrets depend on it. */
export interface Selection {
  /** Whether scans may be bound to it. */
  readonly isAble: boolean;
  /** Whether it migrates scans that name what it has in `replaces`: no cycle stands in the way. */
  readonly migrates: boolean;
  /** Name of the Trivy Secret that it selects; undefined: none. */
  readonly trivySecret: string | undefined;
  /** Whether the last reconcile failed unexpectedly: what it selects is not known then. */
  readonly hasFailed: boolean;
}

export interface SelectionChange {
  readonly binding: Stored;
  /** undefined: the binding had not been reconciled before. */
  readonly before: Selection | undefined;
  readonly after: Selection;
}

type Listener = (change: SelectionChange) => void;

const FAILED: Selection = { isAble: false, migrates: false, trivySecret: undefined, hasFailed: true };

/**
 * What each binding has come to in its last reconcile, so that a reconcile of another one that depends on it looks that
 * up instead of resolving it again. A reconcile that finds nothing here waits for it.
 */
export class Selections {
  readonly #byBinding = new Map<string, Selection & { readonly uid: string }>();
  /** By key of a binding that has not been reconciled yet: the keys of those that wait for it. */
  readonly #waiting = new Map<string, Set<string>>();
  readonly #listeners: Listener[] = [];
  readonly #onListenerError: ListenerErrorHandler;

  /** @param onListenerError - as for Store of src/kube */
  constructor(onListenerError: ListenerErrorHandler = throwUnhandled) {
    this.#onListenerError = onListenerError;
  }

  /** undefined: the binding has not been reconciled yet. */
  get(binding: Stored): Selection | undefined {
    const known = this.#byBinding.get(keyOf(binding));
    return known?.uid === binding.uid ? known : undefined;
  }

  onChange(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** Notes that the reconcile of one key waits until the binding of another one has been reconciled, or is gone. */
  wait(key: string, binding: string): void {
    const waiting = this.#waiting.get(binding) ?? new Set();
    this.#waiting.set(binding, waiting.add(key));
  }

  /** The keys that waited for the binding of this key; from then on they do not. */
  takeWaiting(binding: string): Iterable<string> {
    const waiting = this.#waiting.get(binding) ?? [];
    this.#waiting.delete(binding);
    return waiting;
  }

  /** Notes what a binding has come to. */
  set(binding: Stored, selection: Selection): void {
    const before = this.get(binding);
    if (before !== undefined && isSame(before, selection)) return;
    this.#byBinding.set(keyOf(binding), { ...selection, uid: binding.uid });
    for (const listener of this.#listeners) {
      try {
        listener({ binding, before, after: selection });
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }

  /** Notes that the reconcile of a binding failed unexpectedly: none of its rivals waits for it. */
  setFailed(binding: Stored): void {
    this.set(binding, FAILED);
  }

  /** Forgets the binding of this key, which is gone. */
  forget(key: string): void {
    this.#byBinding.delete(key);
  }
}

function isSame(a: Selection, b: Selection): boolean {
  return (
    a.isAble === b.isAble &&
    a.migrates === b.migrates &&
    a.trivySecret === b.trivySecret &&
    a.hasFailed === b.hasFailed
  );
}
