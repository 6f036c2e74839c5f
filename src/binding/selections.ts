import { keyOf, type Stored } from '../kube/index.ts';

/** What a binding has come to, as far as its rivals and its Trivy Secret depend on it. */
export interface Selection {
  /** Whether scans may be bound to it. */
  readonly isAble: boolean;
  /** Name of the Trivy Secret that it selects; undefined: none. */
  readonly trivySecret: string | undefined;
  /** Whether the last reconcile failed unexpectedly: what it selects is not known then. */
  readonly hasFailed: boolean;
}

interface SelectionChange {
  readonly binding: Stored;
  /** undefined: the binding had not been reconciled before. */
  readonly before: Selection | undefined;
  readonly after: Selection;
}

type Listener = (change: SelectionChange) => void;

const FAILED: Selection = { isAble: false, trivySecret: undefined, hasFailed: true };

/**
 * What each binding has come to in its last reconcile, so that a reconcile of another one that depends on it looks that
 * up instead of resolving it again. A reconcile that finds nothing here waits for the change.
 */
export class Selections {
  readonly #byBinding = new Map<string, Selection & { readonly uid: string }>();
  readonly #listeners: Listener[] = [];

  /** undefined: the binding has not been reconciled yet. */
  get(binding: Stored): Selection | undefined {
    const known = this.#byBinding.get(keyOf(binding));
    return known?.uid === binding.uid ? known : undefined;
  }

  onChange(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** Notes what a binding has come to. */
  set(binding: Stored, selection: Selection): void {
    const before = this.get(binding);
    if (before !== undefined && isSame(before, selection)) return;
    this.#byBinding.set(keyOf(binding), { ...selection, uid: binding.uid });
    for (const listener of this.#listeners) listener({ binding, before, after: selection });
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
  return a.isAble === b.isAble && a.trivySecret === b.trivySecret && a.hasFailed === b.hasFailed;
}
