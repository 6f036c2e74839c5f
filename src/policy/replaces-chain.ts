import type { ValidBinding } from '../binding/index.ts';
import { repositoryName } from '../image/index.ts';

/** The chain of replacements that starts at a binding. */
export interface ReplacesChain {
  /**
   * `Cycle`: the chain leads back to a repository that this binding replaces. `TooLong`: it has more than
   * {@link LONGEST_CHAIN} bindings.
   */
  readonly chain: 'Acyclic' | 'Cycle' | 'TooLong';
  /** The other bindings in the chain. A change of this binding may also put them into a cycle, or out of one. */
  readonly others: readonly ValidBinding[];
}

/** Limit on the bindings of a chain in the search for a cycle. */
export const LONGEST_CHAIN = 256;

/**
 * Finds out whether a binding and others would migrate scans in a cycle. The search starts at the binding's image, follows
 * the bindings that replace the repository reached so far, and ends at a repository that this binding replaces.
 *
 * @param replacersOf - the enforcing bindings that have a repository in `replaces`
 */
export function replacesChain(
  binding: ValidBinding,
  replacersOf: (repository: string) => readonly ValidBinding[],
): ReplacesChain {
  if (binding.replaces.length === 0) return { chain: 'Acyclic', others: [] };
  const others: ValidBinding[] = [];
  const start = new Set(binding.replaces.map(repositoryName));
  // The list grows during the loop.
  const reached = new Set([repositoryName(binding.image)]);
  for (const repository of reached) {
    const replacers = replacersOf(repository);
    others.push(...replacers);
    if (others.length > LONGEST_CHAIN) break;
    for (const other of replacers) reached.add(repositoryName(other.image));
  }
  if (!start.isDisjointFrom(reached)) return { chain: 'Cycle', others };
  return { chain: others.length > LONGEST_CHAIN ? 'TooLong' : 'Acyclic', others };
}
