import type { Logger } from 'pino';
import { imageCredentialBindings, MANAGED_BY, MANAGED_BY_LABEL, RUN_ANNOTATION } from '../api/index.ts';
import type { PullSecretType } from '../credential/index.ts';
import { repositoryName } from '../image/index.ts';
import {
  type AnyReflector,
  type KubeClient,
  type KubeObject,
  keyOf,
  type ListenerErrorHandler,
  Reflector,
  type Resource,
  Store,
  type Stored,
  scopesOf,
  storedMeta,
  type WatchedNamespaces,
} from '../kube/index.ts';
import { REGISTRIES_ANNOTATION } from '../platform/index.ts';
import { readScheduledScan, type ScanRun, type ScheduledScan, VOLUME_NAME } from '../scan/index.ts';
import { type Binding, readBinding } from './binding.ts';
import type { OfferedSecret } from './offered-secret.ts';
import { type PullSecret, readPullSecret } from './pull-secret.ts';
import { readTrivySecret, type TrivySecret, type TrivySecretIdentity } from './trivy-secret.ts';

export const SECRETS: Resource = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' };
export const SCHEDULED_SCANS: Resource = {
  group: 'execution.securecodebox.io',
  version: 'v1',
  plural: 'scheduledscans',
  kind: 'ScheduledScan',
};
export const SCANS: Resource = {
  group: 'execution.securecodebox.io',
  version: 'v1',
  plural: 'scans',
  kind: 'Scan',
};
const DOCKER_CONFIG_JSON: PullSecretType = 'kubernetes.io/dockerconfigjson';
const DOCKERCFG: PullSecretType = 'kubernetes.io/dockercfg';

/** A Scan (one run) that mounts one of our Secrets, or that a ScheduledScan has made. */
export interface Run extends Stored, ScanRun {
  readonly secretName: string | undefined;
  /** Name of the ScheduledScan. */
  readonly scheduledScan: string | undefined;
}

/** Any other Secret: that there is one of this name, whether it is offered, and whether it was ours before somebody took the label off. */
export interface OtherSecret extends Stored {
  readonly ours: (TrivySecret & { readonly identity: TrivySecretIdentity }) | undefined;
  /** Whether its owner offers it to registries. */
  readonly offered: boolean;
}

/** What we know of the cluster: projections, kept equal to it by reflectors. */
export type Stores = ReturnType<typeof createStores>;

/**
 * Empty stores. Index values begin with the namespace, for nothing reaches across namespaces.
 *
 * @param onListenerError - as for {@link Store}
 */
export function createStores(onListenerError?: ListenerErrorHandler) {
  return {
    bindings: new Store(
      {
        namespace: (binding: Binding) => [binding.namespace],
        repository: (binding: Binding) => repositoryIndex(binding),
        pullSecret: (binding: Binding) =>
          binding.validity === 'Valid' ? binding.imagePullSecrets.map((name) => indexKey(binding, name)) : [],
        trivySecret: (binding: Binding) => optional(binding, binding.status?.trivySecret?.name),
      },
      onListenerError,
    ),
    scheduledScans: new Store(
      {
        repository: (scan: ScheduledScan) => repositoryIndex(scan),
        binding: (scan: ScheduledScan) => optional(scan, scan.bound?.binding),
        trivySecret: (scan: ScheduledScan) => optional(scan, scan.bound?.delivery?.secretName),
      },
      onListenerError,
    ),
    /** Of the type dockerconfigjson. */
    pullSecrets: new Store<PullSecret>({}, onListenerError),
    /** Of the older type dockercfg: a field selector cannot ask for both, and a part of a store follows one watch. */
    dockercfgSecrets: new Store<PullSecret>({}, onListenerError),
    trivySecrets: new Store(
      {
        source: (secret: TrivySecret) => optional(secret, secret.identity?.source),
      },
      onListenerError,
    ),
    otherSecrets: new Store<OtherSecret>({}, onListenerError),
    /** Of the others those that are offered, and that bindings name: read by name, not watched. */
    offeredSecrets: new Store<OfferedSecret>({}, onListenerError),
    runs: new Store(
      {
        trivySecret: (run: Run) => optional(run, run.secretName),
        scheduledScan: (run: Run) => optional(run, run.scheduledScan),
      },
      onListenerError,
    ),
  };
}

/** One reflector for each store, or one for each store and namespace of a list. */
export function createReflectors(
  client: KubeClient,
  stores: Stores,
  namespaces: WatchedNamespaces,
  log: Logger,
): readonly AnyReflector[] {
  return scopesOf(namespaces).flatMap((scope) => reflectorsIn(scope, client, stores, log));
}

function reflectorsIn(
  scope: { readonly namespace?: string },
  client: KubeClient,
  stores: Stores,
  log: Logger,
): readonly AnyReflector[] {
  const ours = `${MANAGED_BY_LABEL}=${MANAGED_BY}`;
  const notOurs = `${MANAGED_BY_LABEL}!=${MANAGED_BY}`;
  const common = { client, log, selection: scope };
  return [
    new Reflector({
      ...common,
      resource: imageCredentialBindings,
      project: readBinding,
      store: stores.bindings,
    }),
    new Reflector({
      ...common,
      resource: SCHEDULED_SCANS,
      project: readScheduledScan,
      store: stores.scheduledScans,
    }),
    new Reflector({ ...common, resource: SCANS, project: readRun, store: stores.runs }),
    new Reflector({
      ...common,
      resource: SECRETS,
      selection: { ...scope, fieldSelector: `type=${DOCKER_CONFIG_JSON}` },
      project: readPullSecret,
      store: stores.pullSecrets,
    }),
    new Reflector({
      ...common,
      resource: SECRETS,
      selection: { ...scope, fieldSelector: `type=${DOCKERCFG}` },
      project: readPullSecret,
      store: stores.dockercfgSecrets,
    }),
    new Reflector({
      ...common,
      resource: SECRETS,
      selection: { ...scope, labelSelector: ours },
      project: readTrivySecret,
      store: stores.trivySecrets,
    }),
    new Reflector({
      ...common,
      resource: SECRETS,
      selection: {
        ...scope,
        labelSelector: notOurs,
        fieldSelector: `type!=${DOCKER_CONFIG_JSON},type!=${DOCKERCFG}`,
        metadataOnly: true,
      },
      project: readOtherSecret,
      store: stores.otherSecrets,
    }),
  ];
}

/** The pull secret of this key, of whichever type. */
export function pullSecretIn(stores: Stores, key: string): PullSecret | undefined {
  return stores.pullSecrets.get(key) ?? stores.dockercfgSecrets.get(key);
}

/** Whether there is a Secret of this key that a credential may be taken from. */
export function sourceExists(stores: Stores, key: string): boolean {
  return pullSecretIn(stores, key) !== undefined || stores.otherSecrets.get(key)?.offered === true;
}

/** Index value for something of a name in the namespace of `object`. */
export function indexKey(object: { readonly namespace: string }, name: string): string {
  return keyOf({ namespace: object.namespace, name });
}

/** Index values of the repositories that a binding is for, earlier homes too, or of the one that a scan names. */
export function repositoryIndex(object: Binding | ScheduledScan): readonly string[] {
  return repositoriesOf(object).map((repository) => indexKey(object, repository));
}

function repositoriesOf(object: Binding | ScheduledScan): readonly string[] {
  if (!('validity' in object)) return object.image === undefined ? [] : [repositoryName(object.image)];
  if (object.validity === 'Invalid') return [];
  return [...new Set([object.image, ...object.replaces].map(repositoryName))];
}

function optional(object: { readonly namespace: string }, name: string | undefined): readonly string[] {
  return name === undefined ? [] : [indexKey(object, name)];
}

function readOtherSecret(object: KubeObject): OtherSecret {
  const secret = readTrivySecret(object);
  const { identity } = secret;
  const offered = Object.hasOwn(object.metadata.annotations ?? {}, REGISTRIES_ANNOTATION);
  return {
    ...storedMeta(object),
    offered,
    ours: identity === undefined ? undefined : { ...secret, identity },
  };
}

/** A Scan; the CRD of secureCodeBox guarantees the shape. */
interface RawScan extends KubeObject {
  readonly spec?: { readonly volumes?: readonly { name: string; secret?: { secretName?: string } }[] };
  readonly status?: { readonly state?: string };
}

/** Reads a Scan; undefined: no ScheduledScan has made it, and it mounts none of our Secrets. */
export function readRun(object: RawScan): Run | undefined {
  const { metadata, spec, status } = object;
  const secretName = spec?.volumes?.find(({ name }) => name === VOLUME_NAME)?.secret?.secretName;
  const owner = metadata.ownerReferences?.find(({ kind }) => kind === SCHEDULED_SCANS.kind);
  if (secretName === undefined && owner === undefined) return undefined;
  return {
    ...storedMeta(object),
    secretName,
    scheduledScan: owner?.name,
    createdAt: Date.parse(metadata.creationTimestamp ?? ''),
    state: RUN_STATES[status?.state ?? ''] ?? 'Running',
    request: metadata.annotations?.[RUN_ANNOTATION],
  };
}

/** The states in which a Scan has ended. */
const RUN_STATES: Readonly<Record<string, ScanRun['state']>> = { Done: 'Done', Errored: 'Failed' };
