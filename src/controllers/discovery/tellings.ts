import type { EventReason } from '../../api/index.ts';
import type { Pod } from '../../pod/index.ts';
import type { OwnBinding } from './binding.ts';
import { MOST_BINDINGS, MOST_CONTAINERS, MOST_PULL_SECRETS } from './bounds.ts';
import type { Fate } from './decide.ts';
import type { Replacements } from './replacements.ts';
import { MOST_SECRETS_COUNTED, type PodGroup, type Usage } from './usage.ts';

/** Names listed in an Event. A longer list would be cut before the advice. */
const MOST_NAMED = 3;

/** A problem of a pod or a binding, to be reported in an Event. */
export interface Telling {
  readonly about:
    | { readonly kind: 'Pod'; readonly pod: Pod }
    | { readonly kind: 'Binding'; readonly binding: OwnBinding };
  readonly reason: Extract<EventReason, 'NotDiscovered' | 'TooManyPullSecrets'>;
  readonly note: string;
}

/** Problems of pods that discovery cannot use: one report for all pods with the same containers and pull secrets. */
export function tellProblems(groups: readonly PodGroup[]): readonly Telling[] {
  return groups
    .filter(({ use }) => use.problems.length > 0)
    .map(({ use, example }) => ({
      about: { kind: 'Pod', pod: example },
      reason: 'NotDiscovered',
      note: `Discovery ignores a part of this pod. ${use.problems.join(' ')}`,
    }));
}

/** Bindings whose pods name more pull secrets than a binding accepts. */
export function tellTooMany(usage: Usage, fates: readonly Fate[]): readonly Telling[] {
  return fates.flatMap((fate): readonly Telling[] => {
    if (fate.fate !== 'Kept' || fate.binding === undefined) return [];
    const secrets = usage.repositories.get(fate.repository)?.imagePullSecrets ?? new Set();
    if (secrets.size <= MOST_PULL_SECRETS) return [];
    const found = [...secrets];
    const atLeast = found.length < MOST_SECRETS_COUNTED ? '' : 'at least ';
    const left = found.filter((name) => !fate.content.imagePullSecrets.includes(name));
    const others = left.length > MOST_NAMED ? ` and ${left.length - MOST_NAMED} more` : '';
    const named = `${left.slice(0, MOST_NAMED).join(', ')}${others}`;
    return [
      {
        about: { kind: 'Binding', binding: fate.binding },
        reason: 'TooManyPullSecrets',
        note: `Pods name ${atLeast}${found.length} pull secrets, but a binding accepts at most ${MOST_PULL_SECRETS}. Left out: ${named}. Name fewer in the pods, or create a binding yourself.`,
      },
    ];
  });
}

/**
 * One report per namespace: on the first binding whose `replaces` is incomplete, or on any binding if that one does not
 * exist yet.
 */
export function tellUnchecked(
  owned: ReadonlyMap<string, OwnBinding>,
  { unchecked }: Replacements,
): readonly Telling[] {
  const [first] = unchecked;
  const binding = (first && owned.get(first[0])) ?? owned.values().next().value;
  if (first === undefined || binding === undefined) return [];
  return [
    {
      about: { kind: 'Binding', binding },
      reason: 'NotDiscovered',
      note:
        'Discovery omits entries from spec.replaces of bindings in this namespace, because too many repositories replace ' +
        'each other. Remove entries that no scan needs from spec.replaces, or create bindings for these images yourself.',
    },
  ];
}

/** @param group - the first one whose containers exceed the limit of a namespace */
export function tellBeyond(group: PodGroup | undefined): readonly Telling[] {
  if (group === undefined) return [];
  const note = `Discovery reads at most ${MOST_CONTAINERS} different containers per namespace, and this pod exceeds that limit. Create bindings for its images yourself, or split the namespace.`;
  return [{ about: { kind: 'Pod', pod: group.example }, reason: 'NotDiscovered', note }];
}

/** @param without - repositories without a binding, because the namespace has too many bindings */
export function tellWithout(groups: readonly PodGroup[], without: readonly string[]): readonly Telling[] {
  const [first] = without;
  const group = groups.find(({ use }) => use.containers.some(({ repository }) => repository === first));
  if (first === undefined || group === undefined) return [];
  const note = `Discovery creates at most ${MOST_BINDINGS} bindings per namespace, so it creates none for ${first}. Create a binding for it yourself, or split the namespace.`;
  return [{ about: { kind: 'Pod', pod: group.example }, reason: 'NotDiscovered', note }];
}
