import type { ContainerUse, PodUse } from '../../../pod/index.ts';
import {
  type ContainerRepositories,
  isTemplated,
  repositoriesByContainer,
  userName,
} from './container-repositories.ts';
import type { PodGroup } from './pod-groups.ts';

/** Limit on the pull secrets counted for one repository. A binding accepts 16. */
export const MOST_SECRETS_COUNTED = 64;

/** How pods use a repository. */
export interface RepositoryUse {
  /** Containers of workloads: `Deployment/web/app`. */
  readonly users: ReadonlySet<string>;
  /**
   * The union of the pods' pull secrets, in an order that depends only on the pods. If it has
   * {@link MOST_SECRETS_COUNTED} entries, there may be more.
   */
  readonly imagePullSecrets: ReadonlySet<string>;
  /** Other repositories that runtimes report for the same digests. */
  readonly reported: ReadonlySet<string>;
}

/** What the pods of a namespace use. */
export interface Usage {
  /** By repository. */
  readonly repositories: ReadonlyMap<string, RepositoryUse>;
  /** By user: the containers that come from a template. If such a container has two repositories, it has two versions. */
  readonly templatedContainers: ReadonlyMap<string, ContainerRepositories>;
}

interface GrowingUse extends RepositoryUse {
  readonly users: Set<string>;
  /** All containers of a group share one set, until another group adds to it. */
  imagePullSecrets: ReadonlySet<string>;
  readonly reported: Set<string>;
}

/** A finished pod counts until a later pod of its template uses another repository. */
export function usageOf(groups: readonly PodGroup[]): Usage {
  const templatedContainers = repositoriesByContainer(groups);
  const repositories = new Map<string, GrowingUse>();
  for (const { use } of groups) {
    const secrets = new Set(use.imagePullSecrets);
    for (const container of use.containers) {
      const user = userName(use.workload, container.name);
      const counts =
        !isTemplated(use, container) ||
        templatedContainers.get(user)?.current.has(container.repository) === true;
      if (counts) addUse(repositories, user, container, secrets);
    }
  }
  return { repositories, templatedContainers };
}

function addUse(
  repositories: Map<string, GrowingUse>,
  user: string,
  { repository, reported }: ContainerUse,
  secrets: ReadonlySet<string>,
): void {
  const use: GrowingUse = repositories.get(repository) ?? {
    users: new Set(),
    imagePullSecrets: secrets,
    reported: new Set(),
  };
  repositories.set(repository, use);
  use.users.add(user);
  if (reported !== undefined) use.reported.add(reported);
  use.imagePullSecrets = union(use.imagePullSecrets, secrets);
}

function union(one: ReadonlySet<string>, other: ReadonlySet<string>): ReadonlySet<string> {
  if (one.size >= MOST_SECRETS_COUNTED || other.isSubsetOf(one)) return one;
  return new Set([...one, ...other]);
}

/** Whether pods of the workload name different repositories for one of its containers. */
export function isChangingRepository(
  { templatedContainers }: Usage,
  { workload, containers }: PodUse,
): boolean {
  return containers.some(
    ({ name }) => (templatedContainers.get(userName(workload, name))?.current.size ?? 0) > 1,
  );
}
