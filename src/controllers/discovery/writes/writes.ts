import type { BindingWrite } from '../decision.ts';
import type { ObservedNamespace } from '../observed.ts';
import type { BindingOutcome } from '../outcomes/index.ts';
import { bindingNames } from './binding-name.ts';
import { hasContent } from './content.ts';
import { updatesAgainstCycles } from './cycles.ts';

/**
 * The writes in steps: updates that avoid cycles of `spec.replaces`, then new and changed bindings, then deletions. The
 * deletions come last, because a deleted binding no longer lists the users that changed to another repository.
 */
export function writesOf(
  outcomes: readonly BindingOutcome[],
  { discovered, userCreated }: ObservedNamespace,
): readonly (readonly BindingWrite[])[] {
  const names = new Set([...discovered, ...userCreated].map(({ name }) => name));
  const changes: BindingWrite[] = [];
  const deletions: BindingWrite[] = [];
  for (const outcome of outcomes) {
    const { binding } = outcome;
    if (outcome.outcome === 'Delete')
      deletions.push({ action: 'Delete', binding: outcome.binding, why: outcome.why });
    else if (binding === undefined) {
      const { repository, content } = outcome;
      changes.push({ action: 'Create', name: freeName(repository, names), repository, content });
    } else if (!hasContent(binding, outcome.content))
      changes.push({ action: 'Update', binding, content: outcome.content });
  }
  return [updatesAgainstCycles(outcomes), changes, deletions].filter((writes) => writes.length > 0);
}

/** A name that no binding of the namespace has. */
function freeName(repository: string, names: Set<string>): string {
  // The generator never ends, so it always yields a free name.
  const name = bindingNames(repository).find((each) => !names.has(each)) ?? '';
  names.add(name);
  return name;
}
