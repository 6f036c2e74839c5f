import type { DiscoveryProblem } from '../decision.ts';
import { MOST_BINDINGS, MOST_CONTAINERS, MOST_PULL_SECRETS } from '../limits.ts';
import type { DiscoveredBinding } from '../observed.ts';
import type { BindingOutcome } from '../outcomes/index.ts';
import type { Replacement } from '../replacements/index.ts';
import { MOST_SECRETS_COUNTED, type PodGroup, type Usage } from '../usage/index.ts';

/** Names listed in an Event. With a longer list, the Event would be cut before the advice. */
const MOST_NAMED = 3;

/** Parts of pods that discovery cannot use. One problem for all pods with the same containers and pull secrets. */
export function podProblems(groups: readonly PodGroup[]): readonly DiscoveryProblem[] {
  return groups
    .filter(({ use }) => use.problems.length > 0)
    .map(({ use, example }) => ({
      about: { kind: 'Pod', pod: example },
      reason: 'NotDiscovered',
      note: `Discovery ignores part of this pod. ${use.problems.join(' ')}`,
    }));
}

/** Bindings whose pods name more pull secrets than a binding accepts. */
export function tooManyPullSecrets(
  usage: Usage,
  outcomes: readonly BindingOutcome[],
): readonly DiscoveryProblem[] {
  return outcomes.flatMap((outcome): readonly DiscoveryProblem[] => {
    if (outcome.outcome !== 'Keep' || outcome.binding === undefined) return [];
    const secrets = usage.repositories.get(outcome.repository)?.imagePullSecrets ?? new Set();
    if (secrets.size <= MOST_PULL_SECRETS) return [];
    const found = [...secrets];
    const atLeast = found.length < MOST_SECRETS_COUNTED ? '' : 'at least ';
    const omitted = found.filter((name) => !outcome.content.imagePullSecrets.includes(name));
    const others = omitted.length > MOST_NAMED ? ` and ${omitted.length - MOST_NAMED} more` : '';
    const named = `${omitted.slice(0, MOST_NAMED).join(', ')}${others}`;
    return [
      {
        about: { kind: 'Binding', binding: outcome.binding },
        reason: 'TooManyPullSecrets',
        note: `Pods name ${atLeast}${found.length} pull secrets, but a binding accepts at most ${MOST_PULL_SECRETS}. Left out: ${named}. Name fewer in the pods, or create a binding yourself.`,
      },
    ];
  });
}

/**
 * One problem per namespace. It is reported about the first binding whose `replaces` is incomplete, or about another binding
 * if that one does not exist yet.
 */
export function omittedReplacements(
  discovered: ReadonlyMap<string, DiscoveredBinding>,
  omitted: readonly Replacement[],
): readonly DiscoveryProblem[] {
  const [first] = omitted;
  const binding = (first && discovered.get(first[0])) ?? discovered.values().next().value;
  if (first === undefined || binding === undefined) return [];
  return [
    {
      about: { kind: 'Binding', binding },
      reason: 'NotDiscovered',
      note:
        'Discovery omits entries from spec.replaces of bindings in this namespace, because too many repositories replace ' +
        'each other. Remove the entries that no scan needs from spec.replaces, or create bindings for these images yourself.',
    },
  ];
}

/** @param firstOmitted - the first group whose containers exceed the limit of a namespace */
export function tooManyContainers(firstOmitted: PodGroup | undefined): readonly DiscoveryProblem[] {
  if (firstOmitted === undefined) return [];
  const note = `Discovery reads at most ${MOST_CONTAINERS} different containers per namespace, and this pod exceeds that limit. Create bindings for its images yourself, or split the namespace.`;
  return [{ about: { kind: 'Pod', pod: firstOmitted.example }, reason: 'NotDiscovered', note }];
}

/** @param omitted - repositories that get no binding, because the namespace has too many bindings */
export function tooManyBindings(
  groups: readonly PodGroup[],
  omitted: readonly string[],
): readonly DiscoveryProblem[] {
  const [first] = omitted;
  const group = groups.find(({ use }) => use.containers.some(({ repository }) => repository === first));
  if (first === undefined || group === undefined) return [];
  const note = `Discovery creates at most ${MOST_BINDINGS} bindings per namespace, so it creates none for ${first}. Create a binding for it yourself, or split the namespace.`;
  return [{ about: { kind: 'Pod', pod: group.example }, reason: 'NotDiscovered', note }];
}
