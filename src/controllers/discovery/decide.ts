import type { NamespaceDecision } from './decision.ts';
import {
  omittedReplacements,
  podProblems,
  tooManyBindings,
  tooManyContainers,
  tooManyPullSecrets,
} from './events/index.ts';
import { GracePeriods } from './grace-periods.ts';
import { indexNamespace } from './indexed-namespace.ts';
import { marksOf } from './marks.ts';
import type { ObservedNamespace } from './observed.ts';
import { limitBindings, outcomesOf, usersByRepository } from './outcomes/index.ts';
import { replacementsOf } from './replacements/index.ts';
import { groupPods, limitContainers, type PodGroup, usageOf } from './usage/index.ts';
import { writesOf } from './writes/index.ts';

/**
 * The policy of discovery for one namespace: from its pods to its bindings.
 *
 * | repository | binding |
 * |---|---|
 * | a user has created a binding for it, or one that replaces it | none |
 * | pods use it with pull secrets | with the union of these pull secrets |
 * | pods use it without pull secrets, and it replaces one that had a binding | with an empty list |
 * | all users of it use another repository now | deleted immediately |
 * | unused | deleted after the grace period |
 */
export function decide(observed: ObservedNamespace): NamespaceDecision {
  const { groups, firstOmitted } = limitContainers(groupPods(observed.pods));
  const namespace = indexNamespace(observed, usageOf(groups));
  const gracePeriods = new GracePeriods(observed.now, observed.missingSince);
  const users = usersByRepository(namespace, gracePeriods);
  const replacements = replacementsOf(namespace);
  const all = outcomesOf(namespace, { users, replacements }, gracePeriods);
  const { outcomes, omitted } = limitBindings(all, observed.discovered.length);
  return {
    writes: writesOf(outcomes, observed),
    marks: marksOf(namespace, outcomes),
    problems: [
      ...podProblems(groups),
      ...tooManyPullSecrets(namespace.usage, outcomes),
      ...omittedReplacements(namespace.discovered, replacements.omitted),
      ...tooManyContainers(firstOmitted),
      ...tooManyBindings(groups, omitted),
    ],
    missingSince: gracePeriods.missingSince,
    requeueAfterMs: gracePeriods.requeueAfterMs,
    size: sizeOf(observed, groups),
  };
}

function sizeOf({ pods, discovered, userCreated }: ObservedNamespace, groups: readonly PodGroup[]): number {
  const containers = groups.reduce((sum, { use }) => sum + use.containers.length, 0);
  return pods.length + discovered.length + userCreated.length + containers;
}
