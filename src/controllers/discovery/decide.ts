import { MOST_USERS } from '../../binding/index.ts';
import type { Pod } from '../../pod/index.ts';
import type { OwnBinding, PersonsBinding } from './binding.ts';
import { MOST_BINDINGS, MOST_CONTAINERS, MOST_PULL_SECRETS } from './bounds.ts';
import { type Move, movesOf } from './moves.ts';
import { bindingNames } from './name.ts';
import { type Replacement, Replacements } from './replacements.ts';
import {
  type Telling,
  tellBeyond,
  tellProblems,
  tellTooMany,
  tellUnchecked,
  tellWithout,
} from './tellings.ts';
import { type Absences, Timekeeper } from './timekeeper.ts';
import { groupPods, isMoving, type PodGroup, type RepositoryUse, type Usage, usageOf } from './usage.ts';

/** The CRD takes no more. */
const MOST_REPLACES = 16;
/** A workload whose pods all end before new ones begin is not written down as gone at once. */
const LONGEST_WAIT_TO_MARK_MS = 5 * 60_000;

/** Stands for the missing use of a binding's image. No repository has this name. */
const USE = '';

/** All that {@link decide} looks at. */
export interface Observed {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** How long a binding is kept that nothing uses. */
  readonly graceMs: number;
  /** None where the namespace is not opted in. */
  readonly pods: readonly Pod[];
  readonly bindings: readonly OwnBinding[];
  readonly persons: readonly PersonsBinding[];
  /** Whether a ScheduledScan of the namespace names this repository. */
  readonly isScanned: (repository: string) => boolean;
  /** What was missing the last time that this was decided. */
  readonly absences: Absences;
  /** Names of bindings that are Ready, where pods are to be marked. */
  readonly marking: ReadonlySet<string> | undefined;
}

/** What is written of a binding. */
export interface BindingContent {
  readonly imagePullSecrets: readonly string[];
  readonly replaces: readonly string[];
  readonly users: readonly string[];
  readonly unusedSince: number | undefined;
}

export type Write =
  | {
      readonly action: 'Create';
      readonly name: string;
      readonly repository: string;
      readonly content: BindingContent;
    }
  | { readonly action: 'Update'; readonly binding: OwnBinding; readonly content: BindingContent }
  | { readonly action: 'Delete'; readonly binding: OwnBinding; readonly why: string };

/** What should be. */
export interface Decision {
  /** One after another: the writes of each may be made at the same time, those of the next only once all are done. */
  readonly writes: readonly (readonly Write[])[];
  readonly marks: readonly { readonly pod: Pod; readonly binding: string | undefined }[];
  readonly tellings: readonly Telling[];
  readonly absences: Absences;
  readonly lookAgainAfterMs: number | undefined;
  /** Number of pods, bindings and different containers. The time for a decision grows with it. */
  readonly size: number;
}

interface Situation {
  readonly observed: Observed;
  readonly usage: Usage;
  /** By repository; a second one for the same is nobody's, and goes. */
  readonly owned: ReadonlyMap<string, OwnBinding>;
  /** Repositories that persons have seen to. */
  readonly taken: ReadonlySet<string>;
  readonly time: Timekeeper;
}

/** What becomes of a repository's binding. */
export type Fate =
  | {
      readonly fate: 'Kept';
      readonly repository: string;
      readonly binding: OwnBinding | undefined;
      readonly content: BindingContent;
    }
  | { readonly fate: 'Gone'; readonly binding: OwnBinding; readonly why: string };

/**
 * The policy of discovery, for one namespace: from its pods to the bindings that there should be.
 *
 * | of a repository | binding |
 * |---|---|
 * | a person has written a binding for it, or one that replaces it | none |
 * | pods use it with pull secrets | with the union of these |
 * | pods use it without, and it replaces one that had a binding | with an empty list |
 * | all that used it use another one now | goes at once |
 * | nothing uses it | goes after the grace period |
 */
export function decide(observed: Observed): Decision {
  const { groups, beyond } = lookedAt(groupPods(observed.pods));
  const situation: Situation = {
    observed,
    usage: usageOf(groups),
    owned: ownedBindings(observed.bindings),
    taken: new Set(
      observed.persons.flatMap(({ repository, replaces }) => [repository ?? [], replaces].flat()),
    ),
    time: new Timekeeper(observed.now, observed.absences),
  };
  const users = usersOf(situation);
  const replacements = replacementsOf(situation);
  const { fates, without } = withinBound(fatesOf(situation, users, replacements), observed);
  return {
    writes: writesOf(fates, observed),
    marks: marksOf(situation, fates),
    tellings: [
      ...tellProblems(groups),
      ...tellTooMany(situation.usage, fates),
      ...tellUnchecked(situation.owned, replacements),
      ...tellBeyond(beyond),
      ...tellWithout(groups, without),
    ],
    absences: situation.time.absences,
    lookAgainAfterMs: situation.time.lookAgainAfterMs,
    size: sizeOf(observed, groups),
  };
}

function sizeOf({ pods, bindings, persons }: Observed, groups: readonly PodGroup[]): number {
  const containers = groups.reduce((sum, { use }) => sum + use.containers.length, 0);
  return pods.length + bindings.length + persons.length + containers;
}

/** The groups up to the limit on containers, and the first group beyond it. */
function lookedAt(all: readonly PodGroup[]): {
  readonly groups: readonly PodGroup[];
  readonly beyond: PodGroup | undefined;
} {
  let containers = 0;
  const end = all.findIndex(({ use }) => {
    containers += use.containers.length;
    return containers > MOST_CONTAINERS;
  });
  return end < 0 ? { groups: all, beyond: undefined } : { groups: all.slice(0, end), beyond: all[end] };
}

/** The fates of bindings, and the repositories without a binding because there are too many bindings. */
function withinBound(
  all: readonly Fate[],
  { bindings }: Observed,
): { readonly fates: readonly Fate[]; readonly without: readonly string[] } {
  let room = MOST_BINDINGS - bindings.length;
  const without: string[] = [];
  const fates = all.filter((fate) => {
    if (fate.fate === 'Gone' || fate.binding !== undefined) return true;
    room -= 1;
    if (room < 0) without.push(fate.repository);
    return room >= 0;
  });
  return { fates, without };
}

function ownedBindings(bindings: readonly OwnBinding[]): ReadonlyMap<string, OwnBinding> {
  const owned = new Map<string, OwnBinding>();
  for (const binding of bindings.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (binding.repository !== undefined && !owned.has(binding.repository))
      owned.set(binding.repository, binding);
  }
  return owned;
}

/** Who is listed as a user of each repository; none: nobody uses it, nor is anybody awaited back. */
function usersOf(situation: Situation): ReadonlyMap<string, readonly string[]> {
  const { owned, usage } = situation;
  const repositories = new Set([...owned.keys(), ...usage.repositories.keys()]);
  return new Map(
    [...repositories].sort().map((repository) => [repository, listUsers(situation, repository)]),
  );
}

/** Those listed stay as long as they may come back; others are added while there is room. */
function listUsers({ observed, owned, usage, time }: Situation, repository: string): readonly string[] {
  const present = usage.repositories.get(repository)?.users ?? new Set();
  const kept = (owned.get(repository)?.users ?? []).filter((user) => {
    if (present.has(user)) return true;
    if (usage.places.has(user)) return false;
    return !time.hasCome(time.missingSince(repository, user) + observed.graceMs);
  });
  return [...new Set([...kept, ...[...present].sort()])].slice(0, MOST_USERS).sort();
}

/** What replaces what: what pods show comes before what is written, which stays while a scan names it. */
function replacementsOf(situation: Situation): Replacements {
  const { observed, taken } = situation;
  const replacements = new Replacements();
  for (const { repository = '', replaces } of observed.persons) {
    for (const from of replaces) replacements.insist(repository, from);
  }
  const possible = possibleReplacements(situation);
  replacements.add(possible.filter(([to]) => !taken.has(to)));
  return replacements;
}

/**
 * Replacements that pods show now come first: moves, with the replacements of the bindings left behind, and other
 * names. Replacements that are only in specs come last.
 */
function* possibleReplacements(situation: Situation): Generator<Replacement> {
  const { observed, owned, usage } = situation;
  const writtenIn = (binding: OwnBinding | undefined, to: string): readonly Replacement[] =>
    (binding?.replaces ?? []).filter(observed.isScanned).map((from) => [to, from]);
  const moves = movesOf(usage, owned).filter((move) => isFollowed(situation, move));
  for (const { from, to } of moves) yield [to, from];
  for (const { from, to } of moves) yield* writtenIn(owned.get(from), to);
  for (const [to, use] of usage.repositories) yield* linkedTo(situation, to, use);
  for (const [to, binding] of owned) yield* writtenIn(binding, to);
}

function linkedTo(
  situation: Situation,
  to: string,
  { imagePullSecrets, reported }: RepositoryUse,
): readonly Replacement[] {
  if (imagePullSecrets.size === 0) return [];
  return [...reported].filter((from) => isLinked(situation, from)).map((from) => [to, from]);
}

/** Whether a move matters: scans may name what is left, and one of the two repositories needs a pull secret. */
function isFollowed({ observed, owned, usage, taken }: Situation, { from, to, underWay }: Move): boolean {
  if (taken.has(to) || (!underWay && !observed.isScanned(from))) return false;
  const needsSecret = (repository: string) =>
    (usage.repositories.get(repository)?.imagePullSecrets.size ?? 0) > 0;
  return owned.has(from) || needsSecret(from) || needsSecret(to);
}

/** Whether another name that a runtime gives to an image is the name of nothing else here, and is scanned. */
function isLinked({ observed, usage, taken }: Situation, reported: string): boolean {
  return !usage.repositories.has(reported) && !taken.has(reported) && observed.isScanned(reported);
}

function fatesOf(
  situation: Situation,
  users: ReadonlyMap<string, readonly string[]>,
  replacements: Replacements,
): readonly Fate[] {
  const { observed, owned, taken } = situation;
  const fates: Fate[] = [];
  for (const [repository, listed] of users) {
    const binding = owned.get(repository);
    if (!taken.has(repository)) {
      const replaces = replacements.of(repository).slice(0, MOST_REPLACES);
      fates.push(...fateOf(situation, { repository, binding, listed, replaces }));
    } else if (binding !== undefined) fates.push({ fate: 'Gone', binding, why: 'a person has written one' });
  }
  for (const binding of observed.bindings) {
    if (owned.get(binding.repository ?? '') !== binding)
      fates.push(fateOfUnused(situation, '', binding, binding));
  }
  return fates;
}

interface Subject {
  readonly repository: string;
  readonly binding: OwnBinding | undefined;
  readonly listed: readonly string[];
  readonly replaces: readonly string[];
}

function fateOf(situation: Situation, { repository, binding, listed, replaces }: Subject): readonly Fate[] {
  const use = situation.usage.repositories.get(repository);
  if (use !== undefined) {
    const imagePullSecrets = pullSecretsOf(use, binding, listed);
    if (imagePullSecrets.length > 0 || replaces.length > 0) {
      const content = { imagePullSecrets, replaces, users: listed, unusedSince: undefined };
      return [{ fate: 'Kept', repository, binding, content }];
    }
  }
  if (binding === undefined) return [];
  if (isLeft(situation, binding, listed))
    return [{ fate: 'Gone', binding, why: 'all that used it use another repository' }];
  const { imagePullSecrets } = binding;
  return [fateOfUnused(situation, repository, binding, { imagePullSecrets, replaces, users: listed })];
}

/** Whether all users have gone elsewhere. Beyond the longest list there may be others, who are not told from none. */
function isLeft({ usage }: Situation, { users }: OwnBinding, listed: readonly string[] = []): boolean {
  const told = users.length < MOST_USERS && users.some((user) => usage.places.has(user));
  return told && listed.length === 0;
}

/** While one of the users is away, nothing is taken out: nobody knows what it will need when it is back. */
function pullSecretsOf(
  use: RepositoryUse,
  binding: OwnBinding | undefined,
  listed: readonly string[],
): readonly string[] {
  const allPresent = listed.every((user) => use.users.has(user));
  const kept = allPresent ? [] : (binding?.imagePullSecrets ?? []);
  const secrets = new Set(kept);
  for (const secret of use.imagePullSecrets) {
    if (secrets.size >= MOST_PULL_SECRETS) break;
    secrets.add(secret);
  }
  return [...secrets].slice(0, MOST_PULL_SECRETS);
}

function fateOfUnused(
  { observed, time }: Situation,
  repository: string,
  binding: OwnBinding,
  content: Omit<BindingContent, 'unusedSince'>,
): Fate {
  const { imagePullSecrets, replaces, users } = content;
  const kept = (unusedSince: number | undefined): Fate => ({
    fate: 'Kept',
    ...{ repository, binding },
    content: { imagePullSecrets, replaces, users, unusedSince },
  });
  if (binding.unusedSince !== undefined) {
    // A future time would keep the binding for longer than the grace period.
    const since = Math.min(binding.unusedSince, observed.now);
    const over = time.hasCome(since + observed.graceMs);
    return over ? { fate: 'Gone', binding, why: 'nothing uses its image' } : kept(since);
  }
  const since = time.missingSince(USE, binding.name);
  const wait = Math.min(LONGEST_WAIT_TO_MARK_MS, observed.graceMs / 10);
  return kept(time.hasCome(since + wait) ? since : undefined);
}

function writesOf(fates: readonly Fate[], { bindings, persons }: Observed): readonly (readonly Write[])[] {
  const names = new Set([...bindings, ...persons].map(({ name }) => name));
  const changes: Write[] = [];
  const removals: Write[] = [];
  for (const fate of fates) {
    if (fate.fate === 'Gone') removals.push({ action: 'Delete', binding: fate.binding, why: fate.why });
    else if (fate.binding === undefined)
      changes.push({
        action: 'Create',
        name: freeName(fate.repository, names),
        repository: fate.repository,
        content: fate.content,
      });
    else if (!isSame(fate.binding, fate.content))
      changes.push({ action: 'Update', binding: fate.binding, content: fate.content });
  }
  return [loosenings(fates), changes, removals].filter((writes) => writes.length > 0);
}

/**
 * What must no longer be replaced before anything else is written: else there would be a circle for a moment, or for
 * longer, where the next write fails.
 */
function loosenings(fates: readonly Fate[]): readonly Write[] {
  const graph = new Replacements();
  for (const fate of fates) {
    const { repository = '', replaces = [] } = fate.binding ?? {};
    for (const from of replaces) graph.insist(repository, from);
    if (fate.fate === 'Kept') for (const from of fate.content.replaces) graph.insist(fate.repository, from);
  }
  const circles = graph.circles();
  return fates.flatMap((fate): readonly Write[] => {
    const { binding } = fate;
    if (binding?.repository === undefined) return [];
    const { repository } = binding;
    const wanted = fate.fate === 'Kept' ? fate.content.replaces : [];
    const stays = binding.replaces.filter(
      (from) => wanted.includes(from) || circles.get(from) !== circles.get(repository),
    );
    if (stays.length === binding.replaces.length) return [];
    return [{ action: 'Update', binding, content: { ...contentOf(binding), replaces: stays } }];
  });
}

function contentOf({ imagePullSecrets, replaces, users, unusedSince }: OwnBinding): BindingContent {
  return { imagePullSecrets, replaces, users, unusedSince };
}

function isSame(binding: OwnBinding, content: BindingContent): boolean {
  const { imagePullSecrets, replaces, users, unusedSince } = content;
  return (
    JSON.stringify(contentOf(binding)) === JSON.stringify({ imagePullSecrets, replaces, users, unusedSince })
  );
}

function freeName(repository: string, names: Set<string>): string {
  // There is always another.
  const name = bindingNames(repository).find((each) => !names.has(each)) ?? '';
  names.add(name);
  return name;
}

/**
 * What pods shall be marked with. In a move none is: autodiscovery deletes the scan of the image with the last old pod, and only
 * a mark that comes after that brings it back.
 */
function marksOf({ observed, usage }: Situation, fates: readonly Fate[]): Decision['marks'] {
  const { pods, persons, marking } = observed;
  if (marking === undefined) return [];
  const names = new Map<string, string>();
  for (const fate of fates) {
    if (fate.fate === 'Kept' && fate.binding !== undefined) names.set(fate.repository, fate.binding.name);
  }
  for (const { repository, name } of persons) if (repository !== undefined) names.set(repository, name);
  return pods.flatMap((pod) => {
    if (isMoving(usage, pod.use)) return [];
    const serving = new Set(pod.use.containers.map(({ repository }) => names.get(repository)));
    const found = [...serving].filter((name) => name !== undefined).sort();
    // A binding that is no longer Ready is no reason to touch every pod.
    if (found.length > 0 && !found.every((name) => marking.has(name))) return [];
    const binding = found.length === 0 ? undefined : found.join(',');
    return binding === pod.use.marked ? [] : [{ pod, binding }];
  });
}
