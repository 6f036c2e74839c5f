import { MOST_BINDINGS } from '../limits.ts';
import type { BindingOutcome } from './outcome.ts';

/**
 * The outcomes up to the limit on bindings, and the repositories that get no binding because of it. Existing bindings
 * are kept.
 *
 * @param existing - the number of discovered bindings
 */
export function limitBindings(
  all: readonly BindingOutcome[],
  existing: number,
): { readonly outcomes: readonly BindingOutcome[]; readonly omitted: readonly string[] } {
  let available = MOST_BINDINGS - existing;
  const omitted: string[] = [];
  const outcomes = all.filter((each) => {
    if (each.outcome === 'Delete' || each.binding !== undefined) return true;
    available -= 1;
    if (available < 0) omitted.push(each.repository);
    return available >= 0;
  });
  return { outcomes, omitted };
}
