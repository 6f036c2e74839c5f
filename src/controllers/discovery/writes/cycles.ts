import type { BindingWrite } from '../decision.ts';
import type { DiscoveredBinding } from '../observed.ts';
import type { BindingOutcome } from '../outcomes/index.ts';
import { ReplacementGraph } from '../replacements/index.ts';
import { contentOf } from './content.ts';

/**
 * Updates that remove entries from `spec.replaces` before any other write. Otherwise the next writes would close a cycle,
 * until the last of them is done, or for longer if one of them fails.
 */
export function updatesAgainstCycles(outcomes: readonly BindingOutcome[]): readonly BindingWrite[] {
  const components = presentAndWanted(outcomes).components();
  return outcomes.flatMap((outcome): readonly BindingWrite[] => {
    const { binding } = outcome;
    if (binding?.repository === undefined || binding.replaces.length === 0) return [];
    const component = components.get(binding.repository);
    const wanted = wantedOf(outcome);
    const replaces = binding.replaces.filter(
      (from) => wanted.includes(from) || components.get(from) !== component,
    );
    if (replaces.length === binding.replaces.length) return [];
    return [{ action: 'Update', binding, content: { ...contentOf(binding), replaces } }];
  });
}

/** Each replacement that a binding has now, or is to have. */
function presentAndWanted(outcomes: readonly BindingOutcome[]): ReplacementGraph {
  const graph = new ReplacementGraph();
  for (const outcome of outcomes) {
    const { repository = '', replaces = [] }: Partial<DiscoveredBinding> = outcome.binding ?? {};
    for (const from of replaces) graph.add(repository, from);
    if (outcome.outcome === 'Keep') for (const from of wantedOf(outcome)) graph.add(outcome.repository, from);
  }
  return graph;
}

function wantedOf(outcome: BindingOutcome): readonly string[] {
  return outcome.outcome === 'Keep' ? outcome.content.replaces : [];
}
