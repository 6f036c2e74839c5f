import type { ContainerUse, Pod, PodUse } from '../../pod/index.ts';

/** Limit on the pull secrets counted for one repository. A binding accepts 16. */
export const MOST_SECRETS_COUNTED = 64;

/** The pods that use the same in the same way. */
export interface PodGroup {
  readonly use: PodUse;
  /** Seconds since the epoch: when the latest of them was created. */
  readonly newest: number;
  /** One of them, to show people. */
  readonly example: Pod;
}

/** What uses a repository now. */
export interface RepositoryUse {
  /** Containers of workloads, `Deployment/web/app`. */
  readonly users: ReadonlySet<string>;
  /**
   * The union of the pods' pull secrets, in an order that depends only on the pods. If it has
   * {@link MOST_SECRETS_COUNTED} entries, there may be more.
   */
  readonly imagePullSecrets: ReadonlySet<string>;
  /** Other repositories that runtimes name for the same digests. */
  readonly reported: ReadonlySet<string>;
}

/** Where a container of a workload runs. */
export interface Place {
  /** Repository → seconds since the epoch, when its latest pod was created. */
  readonly current: ReadonlyMap<string, number>;
  /** Repositories that only pods name which have ended, while later ones name another. */
  readonly former: ReadonlySet<string>;
}

/** What the pods of a namespace use. */
export interface Usage {
  readonly repositories: ReadonlyMap<string, RepositoryUse>;
  /** Of containers that are made from a template: two repositories are two versions of it. */
  readonly places: ReadonlyMap<string, Place>;
}

/** How {@link Usage} names a container of a workload, in a pod as in the annotation of a binding. */
function userName(workload: string, container: string): string {
  return `${workload}/${container}`;
}

/** Groups pods by what they use, in an order that depends on nothing but the pods. */
export function groupPods(pods: readonly Pod[]): readonly PodGroup[] {
  const groups = new Map<PodUse, PodGroup>();
  for (const pod of pods) {
    const group = groups.get(pod.use);
    const newest = Math.max(pod.createdAt, group?.newest ?? 0);
    const example = group !== undefined && group.example.name < pod.name ? group.example : pod;
    groups.set(pod.use, { use: pod.use, newest, example });
  }
  return [...groups.values()]
    .map((group) => ({
      group,
      order: `${group.use.workload} ${group.use.imagePullSecrets} ${group.example.name}`,
    }))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .map(({ group }) => group);
}

/** Whether the container's image is the template's, so that another one is another version. */
function isTemplated({ templated }: PodUse, { ephemeral }: ContainerUse): boolean {
  return templated && ephemeral === undefined;
}

interface GrowingUse extends RepositoryUse {
  readonly users: Set<string>;
  /** One set for all containers of a group, until another group adds to it. */
  imagePullSecrets: ReadonlySet<string>;
  readonly reported: Set<string>;
}

/** What groups of pods use; a pod that has ended counts until a later one of its template uses another repository. */
export function usageOf(groups: readonly PodGroup[]): Usage {
  const places = placesOf(groups);
  const repositories = new Map<string, GrowingUse>();
  for (const { use } of groups) {
    const secrets = new Set(use.imagePullSecrets);
    for (const container of use.containers) {
      const user = userName(use.workload, container.name);
      const counts =
        !isTemplated(use, container) || places.get(user)?.current.has(container.repository) === true;
      if (counts) addUse(repositories, user, container, secrets);
    }
  }
  return { repositories, places };
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

interface Sightings {
  readonly running: Map<string, number>;
  readonly finished: Map<string, number>;
}

function placesOf(groups: readonly PodGroup[]): ReadonlyMap<string, Place> {
  const sightings = new Map<string, Sightings>();
  for (const { use, newest } of groups) {
    for (const { name, repository } of use.containers.filter((each) => isTemplated(use, each))) {
      const user = userName(use.workload, name);
      const seen = sightings.get(user) ?? { running: new Map(), finished: new Map() };
      sightings.set(user, seen);
      const times = use.finished ? seen.finished : seen.running;
      times.set(repository, Math.max(newest, times.get(repository) ?? 0));
    }
  }
  return new Map([...sightings].map(([user, seen]) => [user, placeOf(seen)]));
}

function placeOf({ running, finished }: Sightings): Place {
  const current = running.size > 0 ? running : latest(finished);
  return { current, former: new Set([...finished.keys()].filter((repository) => !current.has(repository))) };
}

/** Whether pods of its workload name different repositories for one of its containers. */
export function isMoving({ places }: Usage, { workload, containers }: PodUse): boolean {
  return containers.some(({ name }) => (places.get(userName(workload, name))?.current.size ?? 0) > 1);
}

/** Those with the latest time; several where they have the same. */
export function latest(times: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  let last = Number.NEGATIVE_INFINITY;
  for (const time of times.values()) last = Math.max(last, time);
  return new Map([...times].filter(([, time]) => time === last));
}
