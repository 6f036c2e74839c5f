import type { Binding, ValidBinding } from '../binding/index.ts';
import { bindingKeys, previousRepositoryKey, type RivalLookup } from './precedence.ts';
import { replacesChain } from './replaces-chain.ts';
import { Rivals } from './rivals.ts';

/**
 * `ReplacesCycle`, `ReplacesTooLong`: the binding migrates no scans (see {@link replacesChain}). `TooManyBindings`: under
 * one of its keys, {@link MOST_RIVALS} other bindings take precedence over it.
 */
export type Limit = 'ReplacesCycle' | 'ReplacesTooLong' | 'TooManyBindings';

/** The limit that applies to a binding. Empties its `replaces` if they form a cycle, or a chain that is too long. */
export function withinLimits(
  binding: Binding,
  rivals: Rivals,
): { readonly binding: Binding; readonly limit: Limit | undefined } {
  if (binding.validity !== 'Valid') return { binding, limit: undefined };
  const { chain } = replacesChain(binding, replacersIn(binding.namespace, rivals));
  if (chain !== 'Acyclic') {
    const limit = chain === 'Cycle' ? 'ReplacesCycle' : 'ReplacesTooLong';
    return { binding: { ...binding, replaces: [] }, limit };
  }
  return { binding, limit: rivals.isBeyondLimit(binding) ? 'TooManyBindings' : undefined };
}

/** Whether a binding with this limit migrates scans from the repositories in its `replaces`. */
export function migratesWithin(limit: Limit | undefined): boolean {
  return limit !== 'ReplacesCycle' && limit !== 'ReplacesTooLong';
}

/**
 * The rivals among bindings of one namespace. One that migrates no scans is found only under its image.
 *
 * @param all - all bindings of the namespace, in which a cycle may be
 */
export function rivalsAmong(bindings: readonly Binding[], all: readonly Binding[] = bindings): RivalLookup {
  const [rivals, others] = [rivalsOf(bindings), rivalsOf(all)];
  const migrates = (binding: ValidBinding) => migratesWithin(withinLimits(binding, others).limit);
  return (key) =>
    rivals.under('', key).filter((binding) => bindingKeys(binding)[0] === key || migrates(binding));
}

function rivalsOf(bindings: readonly Binding[]): Rivals {
  const rivals = new Rivals();
  for (const binding of bindings) rivals.add({ ...binding, namespace: '' });
  return rivals;
}

/** The enforcing bindings of a namespace that have a repository in `replaces`. */
export function replacersIn(namespace: string, rivals: Rivals) {
  return (repository: string): readonly ValidBinding[] =>
    rivals.under(namespace, previousRepositoryKey(repository)).filter(({ mode }) => mode === 'Enforce');
}
