import type { Logger } from 'pino';
import {
  type AnyReflector,
  type KubeClient,
  type ListenerErrorHandler,
  Reflector,
  Store,
  scopesOf,
  type WatchedNamespaces,
} from '../kube/index.ts';
import { type KubeObject, NAMESPACES, type Resource, type Stored, storedMeta } from '../object/index.ts';
import {
  type InclusionMode,
  Interned,
  includesPod,
  isEnabled,
  type Pod,
  type PodUse,
  type RawPod,
  readPod,
} from '../pod/index.ts';

export const PODS: Resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod' };

/** The stores of discovery, in addition to those of all controllers. */
export type DiscoveryStores = ReturnType<typeof createDiscoveryStores>;

/** @param onListenerError - as for {@link Store} */
export function createDiscoveryStores(onListenerError?: ListenerErrorHandler) {
  return {
    pods: new Store({ namespace: ({ namespace }: Pod) => [namespace] }, onListenerError),
    /** Namespaces that are opted in. Empty unless the mode is `enabled-per-namespace`. */
    namespaces: new Store<Stored>({}, onListenerError),
  };
}

/** The namespaces and pods that discovery reads. */
interface DiscoveryScope {
  readonly namespaces: WatchedNamespaces;
  readonly mode: InclusionMode;
}

/** Reflectors of Pods, and of Namespaces if the mode is `enabled-per-namespace`. */
export function createDiscoveryReflectors(
  client: KubeClient,
  stores: DiscoveryStores,
  { namespaces, mode }: DiscoveryScope,
  log: Logger,
): readonly AnyReflector[] {
  const project = podProjection(mode);
  const pods = scopesOf(namespaces).map(
    (selection) => new Reflector({ client, log, resource: PODS, selection, project, store: stores.pods }),
  );
  if (mode !== 'enabled-per-namespace') return pods;
  const optedIn = new Reflector({
    client,
    log,
    resource: NAMESPACES,
    selection: { metadataOnly: true },
    project: (object: KubeObject) => (isEnabled(object) ? storedMeta(object) : undefined),
    store: stores.namespaces,
  });
  return [...pods, optedIn];
}

/** The projection of a pod; undefined: discovery does not follow the pod. Equal uses of different pods share one object. */
export function podProjection(mode: InclusionMode): (pod: RawPod) => Pod | undefined {
  const uses = new Interned<PodUse>();
  return (pod) => (includesPod(mode, pod) ? readPod(pod, uses) : undefined);
}
