import type { Binding } from '../../binding/index.ts';
import { type ImageReference, repositoryName } from '../../image/index.ts';
import type { InclusionMode } from '../../pod/index.ts';
import type { DiscoveryStores } from '../../state/index.ts';
import { indexKey, type Stores } from '../../state/index.ts';
import type { OwnBinding, PersonsBinding } from './binding.ts';
import type { Observed } from './decide.ts';
import type { Absences } from './timekeeper.ts';
import { isReady } from './triggers.ts';

/** What is set for discovery. */
export interface DiscoverySettings {
  readonly mode: InclusionMode;
  /** How long a binding is kept that no pod uses, in milliseconds. */
  readonly graceMs: number;
  /** Whether pods are marked as processed. */
  readonly markPods: boolean;
}

/** Gathers what there is to know about a namespace; reads stores, and nothing else. */
export function observe(
  namespace: string,
  { stores, own, settings }: { stores: Stores; own: DiscoveryStores; settings: DiscoverySettings },
  { now, absences }: { now: number; absences: Absences },
): Observed {
  const bindings = stores.bindings.byIndex('namespace', namespace);
  const included =
    settings.mode !== 'enabled-per-namespace' || own.namespaces.get(`/${namespace}`) !== undefined;
  return {
    now,
    graceMs: settings.graceMs,
    pods: included ? own.pods.byIndex('namespace', namespace) : [],
    bindings: bindings.filter(({ discovered }) => discovered).map(ownBinding),
    persons: bindings.filter(({ discovered }) => !discovered).map(personsBinding),
    isScanned: answeredOnce((repository) =>
      stores.scheduledScans.isIndexed('image', indexKey({ namespace }, repository)),
    ),
    absences,
    marking: settings.markPods ? new Set(bindings.filter(isReady).map(({ name }) => name)) : undefined,
  };
}

/** Cached, because many bindings need the same result, and each call makes the store list all scans. */
function answeredOnce(ask: (repository: string) => boolean): (repository: string) => boolean {
  const answers = new Map<string, boolean>();
  return (repository) => {
    const answer = answers.get(repository) ?? ask(repository);
    answers.set(repository, answer);
    return answer;
  };
}

function ownBinding(binding: Binding): OwnBinding {
  const { namespace, name, uid, resourceVersion, notes } = binding;
  return { namespace, name, uid, resourceVersion, ...specOf(binding), ...notes };
}

function personsBinding(binding: Binding): PersonsBinding {
  const { repository, replaces } = specOf(binding);
  return { name: binding.name, repository, replaces };
}

function specOf(binding: Binding): Pick<OwnBinding, 'repository' | 'imagePullSecrets' | 'replaces'> {
  if (binding.validity === 'Invalid') return { repository: undefined, imagePullSecrets: [], replaces: [] };
  const { image, imagePullSecrets, replaces } = binding;
  return {
    repository: isWhole(image) ? repositoryName(image) : undefined,
    imagePullSecrets,
    replaces: replaces.map(repositoryName),
  };
}

function isWhole({ tag, digest }: ImageReference): boolean {
  return tag === undefined && digest === undefined;
}
