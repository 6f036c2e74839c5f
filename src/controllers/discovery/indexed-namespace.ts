import type { DiscoveredBinding, ObservedNamespace } from './observed.ts';
import type { Usage } from './usage/index.ts';

/** An observed namespace, with its pods and bindings indexed by repository. */
export interface IndexedNamespace {
  readonly observed: ObservedNamespace;
  readonly usage: Usage;
  /** By repository. Of several discovered bindings of a repository, the first by name. The others count as unused. */
  readonly discovered: ReadonlyMap<string, DiscoveredBinding>;
  /** Repositories for which a user has created a binding, or which such a binding replaces. */
  readonly userManaged: ReadonlySet<string>;
}

export function indexNamespace(observed: ObservedNamespace, usage: Usage): IndexedNamespace {
  const { discovered, userCreated } = observed;
  return {
    observed,
    usage,
    discovered: byRepository(discovered),
    userManaged: new Set(
      userCreated.flatMap(({ repository, replaces }) => [repository ?? [], replaces].flat()),
    ),
  };
}

function byRepository(bindings: readonly DiscoveredBinding[]): ReadonlyMap<string, DiscoveredBinding> {
  const indexed = new Map<string, DiscoveredBinding>();
  for (const binding of bindings.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (binding.repository !== undefined && !indexed.has(binding.repository))
      indexed.set(binding.repository, binding);
  }
  return indexed;
}
