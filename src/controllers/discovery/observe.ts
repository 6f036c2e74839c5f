import { conditionOf } from '../../api/index.ts';
import type { Binding } from '../../binding/index.ts';
import { type ImageReference, repositoryName } from '../../image/index.ts';
import { type DiscoveryStores, indexKey, type Stores } from '../../state/index.ts';
import type { DiscoveredBinding, ObservedNamespace, UserCreatedBinding } from './observed.ts';
import type { DiscoverySettings } from './settings.ts';

/** Collects the facts about a namespace. Reads only the stores. */
export function observe(
  namespace: string,
  {
    stores,
    discoveryStores,
    settings,
  }: { stores: Stores; discoveryStores: DiscoveryStores; settings: DiscoverySettings },
  { now, missingSince }: Pick<ObservedNamespace, 'now' | 'missingSince'>,
): ObservedNamespace {
  const { pods, namespaces } = discoveryStores;
  const bindings = stores.bindings.byIndex('namespace', namespace);
  const included = settings.mode !== 'enabled-per-namespace' || namespaces.get(`/${namespace}`) !== undefined;
  return {
    now,
    graceMs: settings.graceMs,
    pods: included ? pods.byIndex('namespace', namespace) : [],
    discovered: bindings.filter(({ discovered }) => discovered).map(discoveredBinding),
    userCreated: bindings.filter(({ discovered }) => !discovered).map(userCreatedBinding),
    isScanned: cached((repository) =>
      stores.scheduledScans.isIndexed('image', indexKey({ namespace }, repository)),
    ),
    missingSince,
    readyBindings: settings.markPods ? new Set(bindings.filter(isReady).map(({ name }) => name)) : undefined,
  };
}

/** Whether the condition Ready is `True`, in the status of any generation. */
export function isReady({ status }: Binding): boolean {
  return conditionOf(status, 'Ready')?.status === 'True';
}

/** Cached, because many bindings need the same result, and each call makes the store list all scans. */
function cached(isScanned: (repository: string) => boolean): (repository: string) => boolean {
  const results = new Map<string, boolean>();
  return (repository) => {
    const result = results.get(repository) ?? isScanned(repository);
    results.set(repository, result);
    return result;
  };
}

function discoveredBinding(binding: Binding): DiscoveredBinding {
  const { namespace, name, uid, resourceVersion, notes } = binding;
  return { namespace, name, uid, resourceVersion, ...specOf(binding), ...notes };
}

function userCreatedBinding(binding: Binding): UserCreatedBinding {
  const { repository, replaces } = specOf(binding);
  return { name: binding.name, repository, replaces };
}

function specOf(binding: Binding): Pick<DiscoveredBinding, 'repository' | 'imagePullSecrets' | 'replaces'> {
  if (binding.validity === 'Invalid') return { repository: undefined, imagePullSecrets: [], replaces: [] };
  const { image, imagePullSecrets, replaces } = binding;
  return {
    repository: isRepository(image) ? repositoryName(image) : undefined,
    imagePullSecrets,
    replaces: replaces.map(repositoryName),
  };
}

function isRepository({ tag, digest }: ImageReference): boolean {
  return tag === undefined && digest === undefined;
}
