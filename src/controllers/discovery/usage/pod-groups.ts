import type { Pod, PodUse } from '../../../pod/index.ts';
import { MOST_CONTAINERS } from '../limits.ts';

/** The pods that use the same images and pull secrets in the same way. */
export interface PodGroup {
  readonly use: PodUse;
  /** Seconds since the epoch: when the latest of the pods was created. */
  readonly newest: number;
  /** One of the pods, for Events. */
  readonly example: Pod;
}

/** Groups pods by what they use, in an order that depends only on the pods. */
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

/** The groups up to the limit on containers, and the first group that exceeds it. */
export function limitContainers(all: readonly PodGroup[]): {
  readonly groups: readonly PodGroup[];
  readonly firstOmitted: PodGroup | undefined;
} {
  let containers = 0;
  const end = all.findIndex(({ use }) => {
    containers += use.containers.length;
    return containers > MOST_CONTAINERS;
  });
  return end < 0
    ? { groups: all, firstOmitted: undefined }
    : { groups: all.slice(0, end), firstOmitted: all[end] };
}
