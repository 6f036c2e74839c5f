import type { BindingContent } from '../decision.ts';
import type { GracePeriods } from '../grace-periods.ts';
import type { DiscoveredBinding, ObservedNamespace } from '../observed.ts';
import type { BindingOutcome } from './outcome.ts';

/**
 * Upper bound on the delay before an unused binding is annotated. Without the delay, a workload that stops all its pods
 * before it starts new ones would cause two writes.
 */
const LONGEST_WAIT_TO_ANNOTATE_MS = 5 * 60_000;

/** The key in {@link GracePeriods} under which the names of unused bindings are listed. No repository has this name. */
const UNUSED_BINDINGS = '';

interface UnusedBinding {
  readonly repository: string;
  readonly binding: DiscoveredBinding;
  readonly content: Omit<BindingContent, 'unusedSince'>;
}

/** An unused binding is first annotated with the time since when it has been unused. It is deleted after the grace period. */
export function outcomeOfUnused(
  { now, graceMs }: ObservedNamespace,
  { repository, binding, content }: UnusedBinding,
  gracePeriods: GracePeriods,
): BindingOutcome {
  const { imagePullSecrets, replaces, users } = content;
  const keep = (unusedSince: number | undefined): BindingOutcome => ({
    outcome: 'Keep',
    repository,
    binding,
    content: { imagePullSecrets, replaces, users, unusedSince },
  });
  if (binding.unusedSince !== undefined) {
    // A future time would keep the binding for longer than the grace period.
    const since = Math.min(binding.unusedSince, now);
    const isOver = gracePeriods.hasPassed(since + graceMs);
    return isOver ? { outcome: 'Delete', binding, why: 'nothing uses its image' } : keep(since);
  }
  const since = gracePeriods.noteMissing(UNUSED_BINDINGS, binding.name);
  const wait = Math.min(LONGEST_WAIT_TO_ANNOTATE_MS, graceMs / 10);
  return keep(gracePeriods.hasPassed(since + wait) ? since : undefined);
}
