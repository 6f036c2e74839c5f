import type { KubeObject } from '../object/index.ts';

/**
 * Which pods discovery reads. The modes, and their names, are those of secureCodeBox's autodiscovery
 * (`config.resourceInclusion.mode` of its chart).
 *
 * | mode | pods |
 * |---|---|
 * | `enabled-per-namespace` | pods of namespaces with the annotation `auto-discovery.securecodebox.io/enabled: "true"` |
 * | `enabled-per-resource` | pods with that annotation |
 * | `all` | all pods |
 *
 * Each mode excludes pods with the annotation `auto-discovery.securecodebox.io/ignore: "true"`, and pods of secureCodeBox
 * itself. A mode applies within the namespaces that the controller watches.
 */
export const INCLUSION_MODES = ['enabled-per-namespace', 'enabled-per-resource', 'all'] as const;

export type InclusionMode = (typeof INCLUSION_MODES)[number];

const ENABLED = 'auto-discovery.securecodebox.io/enabled';
const IGNORE = 'auto-discovery.securecodebox.io/ignore';
const MANAGED_BY = 'app.kubernetes.io/managed-by';

/** Whether an annotation of the object opts it in. */
export function isEnabled({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[ENABLED] === 'true';
}

/** Whether discovery reads a pod, according to the pod itself. Does not check whether its namespace is opted in. */
export function includesPod(mode: InclusionMode, pod: KubeObject): boolean {
  const { annotations = {}, labels = {} } = pod.metadata;
  if (annotations[IGNORE] === 'true') return false;
  if (labels[MANAGED_BY]?.startsWith('securecodebox') === true) return false;
  return mode !== 'enabled-per-resource' || isEnabled(pod);
}
