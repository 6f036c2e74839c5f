import type { EventReason } from '../api/index.ts';
import type { OwnBinding } from './binding.ts';
import { MOST_BINDINGS, MOST_CONTAINERS, MOST_PULL_SECRETS } from './bounds.ts';
import type { Fate } from './decide.ts';
import type { Pod } from './pod.ts';
import type { Replacements } from './replacements.ts';
import { MOST_SECRETS_COUNTED, type PodGroup, type Usage } from './usage.ts';

/** In an Event, whose text is cut before what to do would be said. */
const MOST_NAMED = 3;

/** Something that people should know, about a pod or a binding. */
export interface Telling {
  readonly about:
    | { readonly kind: 'Pod'; readonly pod: Pod }
    | { readonly kind: 'Binding'; readonly binding: OwnBinding };
  readonly reason: Extract<EventReason, 'NotDiscovered' | 'TooManyPullSecrets'>;
  readonly note: string;
}

/** What cannot be used in pods, once for all that use the same. */
export function tellProblems(groups: readonly PodGroup[]): readonly Telling[] {
  return groups
    .filter(({ use }) => use.problems.length > 0)
    .map(({ use, example }) => ({
      about: { kind: 'Pod', pod: example },
      reason: 'NotDiscovered',
      note: `Discovery passes over a part of this pod. ${use.problems.join(' ')}`,
    }));
}

/** Bindings whose pods name more pull secrets than a binding takes. */
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
        note: `Pods name ${atLeast}${found.length} pull secrets, of which a binding takes ${MOST_PULL_SECRETS}; left out: ${named}. Name fewer in the pods, or write a binding by hand.`,
      },
    ];
  });
}

/** Once for a namespace: on the first binding whose `replaces` lacks something, or on any where that is still to be made. */
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
        'Discovery leaves entries out of spec.replaces of bindings in this namespace, because too many repositories replace ' +
        'each other. Remove entries of spec.replaces that no scan needs, or write bindings for these images yourself.',
    },
  ];
}

/** @param group - the first whose containers are beyond the bound of a namespace */
export function tellBeyond(group: PodGroup | undefined): readonly Telling[] {
  if (group === undefined) return [];
  const note = `Discovery looks at ${MOST_CONTAINERS} different containers in a namespace, and those of this pod are beyond that. Write bindings for its images yourself, or divide the namespace.`;
  return [{ about: { kind: 'Pod', pod: group.example }, reason: 'NotDiscovered', note }];
}

/** @param without - repositories that get no binding, because the namespace has too many */
export function tellWithout(groups: readonly PodGroup[], without: readonly string[]): readonly Telling[] {
  const [first] = without;
  const group = groups.find(({ use }) => use.containers.some(({ repository }) => repository === first));
  if (first === undefined || group === undefined) return [];
  const note = `Discovery makes at most ${MOST_BINDINGS} bindings in a namespace, so that there is none for ${first}. Write a binding for it yourself, or divide the namespace.`;
  return [{ about: { kind: 'Pod', pod: group.example }, reason: 'NotDiscovered', note }];
}
