import { BINDING_ANNOTATION } from '../api/index.ts';
import { type Stored, storedMeta } from '../object/index.ts';
import { readContainers } from './containers.ts';
import type { Interned } from './interned.ts';
import { readPullSecrets } from './pull-secrets.ts';
import type { RawPod } from './raw-pod.ts';
import type { PodUse } from './use.ts';
import { workloadOf } from './workload.ts';

/** Limit on the container problems that are listed for a pod, because an Event has no room for more. */
const MOST_PROBLEMS = 3;
/**
 * In characters. Discovery marks a pod with an annotation: for each container, at most the name of a binding and a
 * comma.
 */
const LONGEST_MARK = 254;

/** What discovery keeps about a pod. Pods of a workload share one `use` if theirs are equal. */
export interface Pod extends Stored {
  /** Seconds since the epoch. */
  readonly createdAt: number;
  readonly use: PodUse;
}

/**
 * Reads a pod. Never throws for a pod that the API server has stored. The memory for a pod is bounded, and each exceeded
 * limit becomes a problem.
 */
export function readPod(pod: RawPod, uses: Interned<PodUse>): Pod {
  const { metadata, status = {} } = pod;
  const { name, templated } = workloadOf(pod);
  const { containers, problems: containerProblems } = readContainers(pod);
  const { imagePullSecrets, problems: secretProblems } = readPullSecrets(pod);
  const mark = metadata.annotations?.[BINDING_ANNOTATION];
  const { namespace, name: podName, uid, resourceVersion } = storedMeta(pod);
  const use = uses.of({
    namespace,
    workload: name,
    templated,
    finished: status.phase === 'Succeeded' || status.phase === 'Failed',
    containers,
    imagePullSecrets,
    problems: [...firstOf(containerProblems), ...secretProblems],
    marked: (mark?.length ?? 0) > containers.length * LONGEST_MARK ? '' : mark,
  });
  const createdAt = Math.floor(Date.parse(metadata.creationTimestamp ?? '') / 1000) || 0;
  // A spread would reserve memory for further fields. `use.namespace` is the string that other pods share, too.
  return { namespace: use.namespace, name: podName, uid, resourceVersion, createdAt, use };
}

function firstOf(problems: readonly string[]): readonly string[] {
  const more = problems.length - MOST_PROBLEMS;
  return more <= 0
    ? problems
    : [...problems.slice(0, MOST_PROBLEMS), `${more} more problems are not listed.`];
}
