import type { Binding, ValidBinding } from '../binding/index.ts';
import { keyOf } from '../object/index.ts';
import { bindingKeys } from './precedence.ts';

/**
 * Limit on the bindings of a namespace that are considered under one key, which is one image or one previous repository.
 * Further bindings bind no scans under that key, and report that. The limit bounds the cost of a decision about a scan.
 */
export const MOST_RIVALS = 32;

/**
 * The bindings of each namespace by image and previous repository, in the order of precedence: enforcing before
 * observing, user-created before discovered, then by age, then by name. Updated with each change, so that no reconcile
 * sorts or walks all bindings.
 */
export class Rivals {
  readonly #byKey = new Map<string, ValidBinding[]>();

  add(binding: Binding): void {
    for (const key of keysIn(binding)) {
      const rivals = this.#byKey.get(key) ?? [];
      rivals.splice(positionIn(rivals, binding), 0, binding as ValidBinding);
      this.#byKey.set(key, rivals);
    }
  }

  /** @param binding - the same version that was added */
  remove(binding: Binding): void {
    for (const key of keysIn(binding)) {
      const rivals = this.#byKey.get(key) ?? [];
      const position = positionIn(rivals, binding);
      if (rivals[position]?.name === binding.name) rivals.splice(position, 1);
      if (rivals.length === 0) this.#byKey.delete(key);
    }
  }

  /** The first {@link MOST_RIVALS} under a key of a namespace. */
  under(namespace: string, key: string): readonly ValidBinding[] {
    return this.#first(namespace, key, MOST_RIVALS);
  }

  /**
   * The bindings that a change under this key may affect: the first {@link MOST_RIVALS} and the next one, which the change
   * may move across the limit.
   */
  affectedUnder(namespace: string, key: string): readonly ValidBinding[] {
    return this.#first(namespace, key, MOST_RIVALS + 1);
  }

  /**
   * The last binding within the limit of a key, and the first one beyond it. If a change moves a binding across the limit,
   * that binding is one of these two.
   */
  atTheLimit(namespace: string, key: string): readonly ValidBinding[] {
    const rivals = this.#byKey.get(keyOf({ namespace, name: key })) ?? [];
    return rivals.slice(MOST_RIVALS - 1, MOST_RIVALS + 1);
  }

  /** Whether this binding is beyond the limit under one of its keys. */
  isBeyondLimit(binding: ValidBinding): boolean {
    return keysIn(binding).some((key) => {
      const rivals = this.#byKey.get(key) ?? [];
      return rivals.length > MOST_RIVALS && positionIn(rivals, binding) >= MOST_RIVALS;
    });
  }

  #first(namespace: string, key: string, most: number): readonly ValidBinding[] {
    const rivals = this.#byKey.get(keyOf({ namespace, name: key })) ?? [];
    return rivals.length > most ? rivals.slice(0, most) : rivals;
  }
}

function keysIn(binding: Binding): readonly string[] {
  if (binding.validity === 'Invalid') return [];
  const { namespace } = binding;
  return [...new Set(bindingKeys(binding))].map((name) => keyOf({ namespace, name }));
}

/** The index of a binding among its rivals, or where to insert it: a binary search. */
function positionIn(rivals: readonly ValidBinding[], binding: Binding): number {
  let [low, high] = [0, rivals.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const rival = rivals[middle];
    if (rival !== undefined && compare(rival, binding) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compare(a: Binding, b: Binding): number {
  return (
    Number(isObserving(a)) - Number(isObserving(b)) ||
    Number(a.discovered) - Number(b.discovered) ||
    a.createdAt - b.createdAt ||
    (a.name === b.name ? 0 : a.name < b.name ? -1 : 1)
  );
}

function isObserving(binding: Binding): boolean {
  return binding.validity === 'Valid' && binding.mode === 'Observe';
}
