import { MOST_USERS } from '../../../binding/index.ts';
import type { GracePeriods } from '../grace-periods.ts';
import type { IndexedNamespace } from '../indexed-namespace.ts';

/**
 * The containers to list as users of each repository, in alphabetical order. An empty list means that nothing uses the
 * repository, and that no missing user is within its grace period.
 */
export function usersByRepository(
  namespace: IndexedNamespace,
  gracePeriods: GracePeriods,
): ReadonlyMap<string, readonly string[]> {
  const { discovered, usage } = namespace;
  const repositories = new Set([...discovered.keys(), ...usage.repositories.keys()]);
  return new Map(
    [...repositories]
      .sort()
      .map((repository) => [repository, listUsers(namespace, repository, gracePeriods)]),
  );
}

/** Keeps listed users that are present, or missing within the grace period. Adds others up to the limit. */
function listUsers(
  { observed, discovered, usage }: IndexedNamespace,
  repository: string,
  gracePeriods: GracePeriods,
): readonly string[] {
  const present = usage.repositories.get(repository)?.users ?? new Set();
  const kept = (discovered.get(repository)?.users ?? []).filter((user) => {
    if (present.has(user)) return true;
    if (usage.templatedContainers.has(user)) return false;
    return !gracePeriods.hasPassed(gracePeriods.noteMissing(repository, user) + observed.graceMs);
  });
  return [...new Set([...kept, ...[...present].sort()])].slice(0, MOST_USERS).sort();
}
