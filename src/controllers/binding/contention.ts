import type { Binding, ValidBinding } from '../../binding/index.ts';
import { chainOf, contenders, keysServed, previousKey, type RivalsUnder } from '../../policy/index.ts';
import type { ScheduledScan } from '../../scan/index.ts';
import type { Stores } from '../../state/index.ts';

/**
 * `ReplacesCycle`, `ReplacesTooLong`: the binding migrates no scans (see {@link chainOf}). `TooManyBindings`: under one
 * of its keys, {@link MOST_RIVALS} other bindings take precedence over it.
 */
export type Limit = 'ReplacesCycle' | 'ReplacesTooLong' | 'TooManyBindings';

/** The binding, without its `replaces` if that leads to a cycle or a chain that is too long. */
export function withinLimits(
  binding: Binding,
  stores: Stores,
): { readonly binding: Binding; readonly limit: Limit | undefined } {
  if (binding.validity !== 'Valid') return { binding, limit: undefined };
  const { chain } = chainOf(binding, replacersIn(binding.namespace, stores));
  if (chain !== 'Acyclic') {
    const limit = chain === 'Cycle' ? 'ReplacesCycle' : 'ReplacesTooLong';
    return { binding: { ...binding, replaces: [] }, limit };
  }
  return { binding, limit: stores.rivals.hasNoPlace(binding) ? 'TooManyBindings' : undefined };
}

/** The enforcing bindings of a namespace that have a repository in `replaces`. */
export function replacersIn(namespace: string, { rivals }: Stores) {
  return (repository: string): readonly ValidBinding[] =>
    rivals.under(namespace, previousKey(repository)).filter(({ mode }) => mode === 'Enforce');
}

/** The bindings of a namespace by key. Bindings of a cycle are not found by their previous repositories. */
export function rivalsIn(namespace: string, stores: Stores): RivalsUnder {
  const known = new Map<string, readonly ValidBinding[]>();
  // A rival without a known selection counts: the reconcile that finds it first waits for it.
  const migrates = (binding: ValidBinding) => stores.selections.get(binding)?.migrates ?? true;
  return (key) => {
    const rivals =
      known.get(key) ??
      stores.rivals
        .under(namespace, key)
        .filter((binding) => keysServed(binding)[0] === key || migrates(binding));
    known.set(key, rivals);
    return rivals;
  };
}

/**
 * The effective binding of a scan, which is the first in the order of precedence, and whether the binding to which the
 * scan is bound fits it, too. The search stops as soon as both are known.
 */
export function serverOf(
  scan: ScheduledScan,
  rivals: RivalsUnder,
  scanTypes: RegExp,
): { readonly server: ValidBinding | undefined; readonly holderMayServe: boolean } {
  const holder = scan.bound?.binding;
  let server: ValidBinding | undefined;
  for (const contender of contenders(scan, rivals, scanTypes)) {
    server ??= contender;
    if (contender.name === holder) return { server, holderMayServe: true };
    if (holder === undefined) break;
  }
  return { server, holderMayServe: false };
}
