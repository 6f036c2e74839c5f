import type { DiscoveredBinding } from '../observed.ts';
import { type ContainerRepositories, latest, type Usage } from '../usage/index.ts';

/**
 * Limit on the bindings that are considered for one user. Bindings list a user for its current repository, and for the
 * repositories that it used before its last changes. `spec.replaces` accepts no more entries than this.
 */
const MOST_LISTED = 16;

/** A container of a workload has changed from one repository to another, or is changing. */
export interface RepositoryChange {
  readonly from: string;
  readonly to: string;
  /** Whether pods of both repositories exist. */
  readonly inProgress: boolean;
}

/**
 * The changes that pods and bindings show. Each container has one new repository: that of its latest pod. A repository that
 * already replaces the others in a binding stays the new one until no pod uses it, because a rollout may recreate old pods.
 * All other repositories are previous ones: those that other pods use, and those of bindings that list the container.
 * Bindings count, because all old pods of a rollout may end before the first new pod starts.
 *
 * @param discovered - by repository
 */
export function repositoryChangesOf(
  usage: Usage,
  discovered: ReadonlyMap<string, DiscoveredBinding>,
): readonly RepositoryChange[] {
  const listed = repositoriesByUser(discovered);
  const changes = new Map<string, RepositoryChange>();
  for (const [user, container] of usage.templatedContainers) {
    const to = newRepositoryOf(container, discovered);
    if (to === undefined) continue;
    const { current, former } = container;
    const previous = new Set([...current.keys(), ...former, ...(listed.get(user) ?? [])]);
    previous.delete(to);
    for (const from of previous) {
      const inProgress = current.has(from) || changes.get(`${from} ${to}`)?.inProgress === true;
      changes.set(`${from} ${to}`, { from, to, inProgress });
    }
  }
  return [...changes.values()];
}

function repositoriesByUser(
  discovered: ReadonlyMap<string, DiscoveredBinding>,
): ReadonlyMap<string, readonly string[]> {
  const listed = new Map<string, string[]>();
  for (const [repository, { users }] of discovered) {
    for (const user of users) {
      const repositories = listed.get(user);
      if (repositories === undefined) listed.set(user, [repository]);
      else if (repositories.length < MOST_LISTED) repositories.push(repository);
    }
  }
  return listed;
}

function newRepositoryOf(
  { current }: ContainerRepositories,
  discovered: ReadonlyMap<string, DiscoveredBinding>,
): string | undefined {
  const replaced = new Set(
    [...current.keys()].flatMap((repository) => discovered.get(repository)?.replaces ?? []),
  );
  const notReplaced = new Map([...current].filter(([repository]) => !replaced.has(repository)));
  const [to, ...others] = latest(notReplaced.size === 0 ? current : notReplaced).keys();
  // The order of pods that were created within the same second is unknown. Report no change, because one of their
  // repositories disappears soon.
  return others.length === 0 ? to : undefined;
}
