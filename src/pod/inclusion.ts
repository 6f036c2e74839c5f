import type { KubeObject } from '../object/index.ts';

/**
 * Which pods are looked at: the modes of secureCodeBox's autodiscovery (`config.resourceInclusion.mode` of its chart),
 * by their names there.
 *
 * | mode | pods |
 * |---|---|
 * | `enabled-per-namespace` | of namespaces with the annotation `auto-discovery.securecodebox.io/enabled: "true"` |
 * | `enabled-per-resource` | with that annotation themselves |
 * | `all` | all |
 *
 * In each of them those with the annotation `auto-discovery.securecodebox.io/ignore: "true"` are left out, and those of
 * secureCodeBox itself.
 *
 * All that holds within the namespaces that the controller follows. Where these are a list, see {@link modeWithin}.
 */
export const INCLUSION_MODES = ['enabled-per-namespace', 'enabled-per-resource', 'all'] as const;

export type InclusionMode = (typeof INCLUSION_MODES)[number];

const ENABLED = 'auto-discovery.securecodebox.io/enabled';
const IGNORE = 'auto-discovery.securecodebox.io/ignore';
const MANAGED_BY = 'app.kubernetes.io/managed-by';

/** Whether the object says itself that it is opted in. */
export function isEnabled({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[ENABLED] === 'true';
}

/** Whether a pod is looked at, as far as the pod itself tells. */
export function includesPod(mode: InclusionMode, pod: KubeObject): boolean {
  const { annotations = {}, labels = {} } = pod.metadata;
  if (annotations[IGNORE] === 'true') return false;
  if (labels[MANAGED_BY]?.startsWith('securecodebox') === true) return false;
  return mode !== 'enabled-per-resource' || isEnabled(pod);
}
