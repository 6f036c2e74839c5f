import type { ScheduledScan } from '../scan/index.ts';
import type { Binding, ValidBinding } from './binding.ts';
import { chainOf } from './move.ts';
import { contenders, keysServed, previousKey, type RivalsUnder } from './serve.ts';
import type { Stores } from './stores.ts';

/**
 * `ReplacesCycle`, `ReplacesTooLong`: it migrates no scans (see {@link chainOf}). `TooManyBindings`: others come before
 * it under one of the keys that it serves, and leave it no place.
 */
export type Limit = 'ReplacesCycle' | 'ReplacesTooLong' | 'TooManyBindings';

/** The binding, without what it replaces where that leads around in a cycle, or too far. */
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

/** The bindings of a namespace by what they serve: those of a cycle not by what they replace. */
export function rivalsIn(namespace: string, stores: Stores): RivalsUnder {
  const known = new Map<string, readonly ValidBinding[]>();
  // One that is not known yet counts: whoever finds it first waits for it.
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
 * The first binding that may serve a scan, in the order of precedence, and whether the one whose name the scan carries
 * may serve it, too. No more bindings are looked at than it takes to find both.
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
