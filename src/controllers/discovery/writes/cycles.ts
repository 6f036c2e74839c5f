import type { BindingWrite } from '../decision.ts';
import type { DiscoveredBinding } from '../observed.ts';
import type { BindingOutcome } from '../outcomes/index.ts';
import { ReplacementGraph } from '../replacements/index.ts';
import { contentOf } from './content.ts';

/**
 * Updates that remove entries from `spec.replaces` before any other write. Without them, the next writes would close a
 * cycle until the last write is done, or for longer if one of them fails.
 */
export function updatesAgainstCycles(outcomes: readonly BindingOutcome[]): readonly BindingWrite[] {
  const components = presentAndDesired(outcomes).components();
  return outcomes.flatMap((outcome): readonly BindingWrite[] => {
    const { binding } = outcome;
    if (binding?.repository === undefined || binding.replaces.length === 0) return [];
    const component = components.get(binding.repository);
    const desired = desiredReplaces(outcome);
    const replaces = binding.replaces.filter(
      (from) => desired.includes(from) || components.get(from) !== component,
    );
    if (replaces.length === binding.replaces.length) return [];
    return [{ action: 'Update', binding, content: { ...contentOf(binding), replaces } }];
  });
}

/** All replacements that a binding has now, or will have after the writes. */
function presentAndDesired(outcomes: readonly BindingOutcome[]): ReplacementGraph {
  const graph = new ReplacementGraph();
  for (const outcome of outcomes) {
    const { repository = '', replaces = [] }: Partial<DiscoveredBinding> = outcome.binding ?? {};
    for (const from of replaces) graph.add(repository, from);
    if (outcome.outcome === 'Keep')
      for (const from of desiredReplaces(outcome)) graph.add(outcome.repository, from);
  }
  return graph;
}

function desiredReplaces(outcome: BindingOutcome): readonly string[] {
  return outcome.outcome === 'Keep' ? outcome.content.replaces : [];
}
