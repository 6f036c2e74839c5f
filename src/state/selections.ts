import { type ListenerErrorHandler, throwUnhandled } from '../kube/index.ts';
import { keyOf, type Stored } from '../object/index.ts';

/** The part of the result of a binding's last reconcile that its rivals and its Trivy Secrets depend on. */
export interface Selection {
  /** Whether scans may be bound to the binding. */
  readonly canBind: boolean;
  /** Whether the binding migrates scans that name a repository in its `replaces`; false if that leads to a cycle. */
  readonly migrates: boolean;
  /** Name of the Trivy Secret that the binding selects; undefined: none. */
  readonly trivySecret: string | undefined;
  /** Whether the last reconcile failed unexpectedly, so that its selection is not known. */
  readonly hasFailed: boolean;
}

export interface SelectionChange {
  readonly binding: Stored;
  /** undefined: the binding had not been reconciled before. */
  readonly before: Selection | undefined;
  readonly after: Selection;
}

type Listener = (change: SelectionChange) => void;

const FAILED: Selection = { canBind: false, migrates: false, trivySecret: undefined, hasFailed: true };

/**
 * The selection of each binding in its last reconcile. A reconcile that depends on another binding looks it up here
 * instead of resolving that binding again. If there is no selection yet, the reconcile waits for it.
 */
export class Selections {
  readonly #byBinding = new Map<string, Selection & { readonly uid: string }>();
  /** By key of a binding that has not been reconciled yet: the keys of the bindings that wait for it. */
  readonly #waiting = new Map<string, Set<string>>();
  readonly #listeners: Listener[] = [];
  readonly #onListenerError: ListenerErrorHandler;

  /** @param onListenerError - as for the class Store in src/kube */
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

  /** Records that `key` waits until the binding with the key `binding` has been reconciled or deleted. */
  wait(key: string, binding: string): void {
    const waiting = this.#waiting.get(binding) ?? new Set();
    this.#waiting.set(binding, waiting.add(key));
  }

  /** Removes and returns the keys that waited for the binding of this key. */
  takeWaiting(binding: string): Iterable<string> {
    const waiting = this.#waiting.get(binding) ?? [];
    this.#waiting.delete(binding);
    return waiting;
  }

  /** Records the selection of a binding. */
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

  /** Records that the reconcile of a binding failed unexpectedly, so that no rival waits for it. */
  setFailed(binding: Stored): void {
    this.set(binding, FAILED);
  }

  /** Forgets the deleted binding of this key. */
  forget(key: string): void {
    this.#byBinding.delete(key);
  }
}

function isSame(a: Selection, b: Selection): boolean {
  return (
    a.canBind === b.canBind &&
    a.migrates === b.migrates &&
    a.trivySecret === b.trivySecret &&
    a.hasFailed === b.hasFailed
  );
}
