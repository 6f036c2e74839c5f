import type { ContainerUse, PodUse } from '../../../pod/index.ts';
import type { PodGroup } from './pod-groups.ts';

/** The repositories of a container, according to the pods of its workload. */
export interface ContainerRepositories {
  /** By repository: when its latest pod was created, in seconds since the epoch. */
  readonly current: ReadonlyMap<string, number>;
  /** Repositories that only finished pods name, while later pods name another one. */
  readonly former: ReadonlySet<string>;
}

/** The name of a container of a workload, in usage and in the annotation of a binding: `Deployment/web/app`. */
export function userName(workload: string, container: string): string {
  return `${workload}/${container}`;
}

/** Whether the image comes from the workload's template, so that a different image is a different version. */
export function isTemplated({ templated }: PodUse, { ephemeral }: ContainerUse): boolean {
  return templated && ephemeral === undefined;
}

/** By repository: when its latest pod was created, in seconds since the epoch. */
interface LatestPods {
  readonly running: Map<string, number>;
  readonly finished: Map<string, number>;
}

/** The repositories of each container that comes from a template, by {@link userName}. */
export function repositoriesByContainer(
  groups: readonly PodGroup[],
): ReadonlyMap<string, ContainerRepositories> {
  const byContainer = new Map<string, LatestPods>();
  for (const { use, newest } of groups) {
    for (const { name, repository } of use.containers.filter((each) => isTemplated(use, each))) {
      const user = userName(use.workload, name);
      const pods = byContainer.get(user) ?? { running: new Map(), finished: new Map() };
      byContainer.set(user, pods);
      const times = use.finished ? pods.finished : pods.running;
      times.set(repository, Math.max(newest, times.get(repository) ?? 0));
    }
  }
  return new Map([...byContainer].map(([user, pods]) => [user, containerRepositories(pods)]));
}

function containerRepositories({ running, finished }: LatestPods): ContainerRepositories {
  const current = running.size > 0 ? running : latest(finished);
  return { current, former: new Set([...finished.keys()].filter((repository) => !current.has(repository))) };
}

/** The entries with the latest time. More than one, if several have that time. */
export function latest(times: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  let last = Number.NEGATIVE_INFINITY;
  for (const time of times.values()) last = Math.max(last, time);
  return new Map([...times].filter(([, time]) => time === last));
}
