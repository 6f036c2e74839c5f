import type { WatchedNamespaces } from '../../kube/index.ts';
import type { InclusionMode } from '../../pod/index.ts';

/** The settings of discovery. */
export interface DiscoverySettings {
  readonly mode: InclusionMode;
  /** How long a binding that no pod uses is kept, in milliseconds. */
  readonly graceMs: number;
  /** Whether pods are marked as processed. */
  readonly markPods: boolean;
}

/**
 * The effective mode. A list of namespaces is itself an opt-in, and a controller with such a list may not read
 * Namespaces. So with a list, `enabled-per-namespace` means all pods of the listed namespaces.
 */
export function modeWithin(namespaces: WatchedNamespaces, mode: InclusionMode): InclusionMode {
  return namespaces !== 'all' && mode === 'enabled-per-namespace' ? 'all' : mode;
}
