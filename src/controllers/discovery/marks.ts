import type { PodMark } from './decision.ts';
import type { IndexedNamespace } from './indexed-namespace.ts';
import type { BindingOutcome } from './outcomes/index.ts';
import { isChangingRepository } from './usage/index.ts';

/**
 * The marks of pods that have to change. No pod is marked while its workload changes to another repository:
 * autodiscovery deletes the scan of an image together with the last old pod, and only a later mark makes autodiscovery
 * create it again.
 */
export function marksOf(
  { observed, usage }: IndexedNamespace,
  outcomes: readonly BindingOutcome[],
): readonly PodMark[] {
  const { pods, userCreated, readyBindings } = observed;
  if (readyBindings === undefined) return [];
  const names = new Map<string, string>();
  for (const each of outcomes) {
    if (each.outcome === 'Keep' && each.binding !== undefined) names.set(each.repository, each.binding.name);
  }
  for (const { repository, name } of userCreated) if (repository !== undefined) names.set(repository, name);
  return pods.flatMap((pod) => {
    if (isChangingRepository(usage, pod.use)) return [];
    const ofContainers = new Set(pod.use.containers.map(({ repository }) => names.get(repository)));
    const found = [...ofContainers].filter((name) => name !== undefined).sort();
    // Do not write every pod only because a binding is no longer Ready.
    if (found.length > 0 && !found.every((name) => readyBindings.has(name))) return [];
    const binding = found.length === 0 ? undefined : found.join(',');
    return binding === pod.use.marked ? [] : [{ pod, binding }];
  });
}
