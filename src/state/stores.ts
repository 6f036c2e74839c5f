import type { Logger } from 'pino';
import { imageCredentialBindings, MANAGED_BY, MANAGED_BY_LABEL, RUN_ANNOTATION } from '../api/index.ts';
import { type Binding, readBinding, unreadableBinding, type ValidBinding } from '../binding/index.ts';
import type { PullSecretType } from '../credential/index.ts';
import { patternOf, patternsOf, repositoryName } from '../image/index.ts';
import {
  type AnyReflector,
  type KubeClient,
  type ListenerErrorHandler,
  Reflector,
  Store,
  scopesOf,
  type WatchedNamespaces,
} from '../kube/index.ts';
import { type KubeObject, keyOf, type Resource, type Stored, storedMeta } from '../object/index.ts';
import { REGISTRIES_ANNOTATION } from '../platform/index.ts';
import { Rivals } from '../policy/index.ts';
import {
  nextRun,
  type RawScheduledScan,
  readScheduledScan,
  type ScanRun,
  type ScheduledScan,
  unreadableScan,
  VOLUME_NAME,
} from '../scan/index.ts';
import type { SourceSecret } from '../secret/index.ts';
import { readTrivySecret, type TrivySecret, type TrivySecretIdentity } from '../secret/index.ts';
import { failureMessage } from '../text/index.ts';
import { Selections } from './selections.ts';

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
 * Empty stores. Index values begin with the namespace, because nothing reaches across namespaces.
 *
 * @param onListenerError - as for {@link Store}
 */
export function createStores(onListenerError?: ListenerErrorHandler) {
  const bindings = new Store(
    {
      namespace: (binding: Binding) => [binding.namespace],
      pullSecret: (binding: Binding) =>
        binding.validity === 'Valid' ? binding.imagePullSecrets.map((name) => indexKey(binding, name)) : [],
      trivySecret: (binding: Binding) => optional(binding, binding.status?.trivySecret?.name),
    },
    onListenerError,
  );
  const rivals = new Rivals();
  bindings.onChange(({ before, after }) => {
    if (before !== undefined) rivals.remove(before);
    if (after !== undefined) rivals.add(after);
  });
  return {
    bindings,
    /** The bindings by image and previous repository. */
    rivals,
    /** The selection of each binding. */
    selections: new Selections(onListenerError),
    scheduledScans: new Store(
      {
        /** By the patterns that fit the image: digest, tag and repository. */
        image: (scan: ScheduledScan) =>
          scan.image === undefined ? [] : patternsOf(scan.image).map((pattern) => indexKey(scan, pattern)),
        binding: (scan: ScheduledScan) => optional(scan, scan.bound?.binding),
        trivySecret: (scan: ScheduledScan) => optional(scan, scan.bound?.delivery?.secretName),
      },
      onListenerError,
    ),
    /** Existence of Secrets of the type dockerconfigjson. */
    pullSecrets: new Store<Stored>({}, onListenerError),
    /**
     * Existence of Secrets of the older type dockercfg. A field selector cannot select both, and each part of a store
     * has one watch.
     */
    dockercfgSecrets: new Store<Stored>({}, onListenerError),
    trivySecrets: new Store(
      {
        source: (secret: TrivySecret) => optional(secret, secret.identity?.source),
      },
      onListenerError,
    ),
    otherSecrets: new Store<OtherSecret>({}, onListenerError),
    /** The content of the Secrets that bindings name. Each is read by name, not watched. */
    sourceSecrets: new Store<SourceSecret>({}, onListenerError),
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
      unreadable: unreadableBinding,
      store: stores.bindings,
    }),
    new Reflector({
      ...common,
      resource: SCHEDULED_SCANS,
      project: projectScan,
      unreadable: (scan, error) => unreadableScan(scan, failureMessage('this ScheduledScan', error)),
      store: stores.scheduledScans,
    }),
    new Reflector({ ...common, resource: SCANS, project: readRun, store: stores.runs }),
    new Reflector({
      ...common,
      resource: SECRETS,
      selection: {
        ...scope,
        labelSelector: notOurs,
        fieldSelector: `type=${DOCKER_CONFIG_JSON}`,
        metadataOnly: true,
      },
      project: storedMeta,
      store: stores.pullSecrets,
    }),
    new Reflector({
      ...common,
      resource: SECRETS,
      selection: { ...scope, labelSelector: notOurs, fieldSelector: `type=${DOCKERCFG}`, metadataOnly: true },
      project: storedMeta,
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

/** The metadata of the pull secret with this key, of either type; undefined: there is none. */
export function pullSecretIn(stores: Stores, key: string): Stored | undefined {
  return stores.pullSecrets.get(key) ?? stores.dockercfgSecrets.get(key);
}

/** The metadata of the pull secret or credential Secret with this key; undefined: there is none. */
export function sourceIn(stores: Stores, key: string): Stored | undefined {
  const other = stores.otherSecrets.get(key);
  return pullSecretIn(stores, key) ?? (other?.offered === true ? other : undefined);
}

/**
 * Whether the content of the Secret with this key is needed: a binding names it, or a Trivy Secret was made from it.
 */
export function isSourceWanted({ bindings, trivySecrets }: Stores, key: string): boolean {
  return bindings.isIndexed('pullSecret', key) || trivySecrets.isIndexed('source', key);
}

/** The ScheduledScans that fit a binding by image alone. */
export function scansServed(binding: ValidBinding, stores: Stores): ReadonlySet<ScheduledScan> {
  return new Set(scanKeysOf(binding).flatMap((key) => scansUnder(key, stores)));
}

/** The keys of the ScheduledScans that could fit a binding: see {@link scansUnder}. */
export function scanKeysOf(binding: ValidBinding): readonly string[] {
  const { image, replaces } = binding;
  return [image, ...replaces].map((pattern) => indexKey(binding, patternOf(pattern)));
}

/** The ScheduledScans of a key of {@link scanKeysOf}, which is a repository or one of its versions. */
export function scansUnder(key: string, { scheduledScans }: Stores): readonly ScheduledScan[] {
  return scheduledScans.byIndex('image', key);
}

/** Index value for something of a name in the namespace of `object`. */
export function indexKey(object: { readonly namespace: string }, name: string): string {
  return keyOf({ namespace: object.namespace, name });
}

/** The index value of the repository that a scan names. */
export function repositoryIndex(scan: ScheduledScan): readonly string[] {
  return scan.image === undefined ? [] : [indexKey(scan, repositoryName(scan.image))];
}

function optional(object: { readonly namespace: string }, name: string | undefined): readonly string[] {
  return name === undefined ? [] : [indexKey(object, name)];
}

/**
 * Evaluates the schedule of each scan on arrival, so that a reconcile of thousands of scans does not evaluate all at
 * once.
 */
function projectScan(raw: RawScheduledScan & KubeObject): ScheduledScan {
  const scan = readScheduledScan(raw);
  nextRun(scan.schedule);
  return scan;
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

/**
 * Reads a Scan; undefined: no ScheduledScan created it, and it mounts none of our Secrets. A text that is too long to
 * be a name counts as absent, so that the memory for a Scan is bounded.
 */
export function readRun(object: RawScan): Run | undefined {
  const { metadata, spec, status } = object;
  const secretName = bounded(spec?.volumes?.find(({ name }) => name === VOLUME_NAME)?.secret?.secretName);
  const owner = metadata.ownerReferences?.find(({ kind }) => kind === SCHEDULED_SCANS.kind);
  const scheduledScan = bounded(owner?.name);
  if (secretName === undefined && scheduledScan === undefined) return undefined;
  return {
    ...storedMeta(object),
    secretName,
    scheduledScan,
    createdAt: Date.parse(metadata.creationTimestamp ?? '') || 0,
    state: RUN_STATES[status?.state ?? ''] ?? 'Running',
    request: bounded(metadata.annotations?.[RUN_ANNOTATION]),
  };
}

/** Names of objects have at most 253 characters. A run request is shorter. */
const LONGEST_NAME = 253;

function bounded(text: string | undefined): string | undefined {
  return text === undefined || text.length > LONGEST_NAME ? undefined : text;
}

/** The states in which a Scan has ended. */
const RUN_STATES: Readonly<Record<string, ScanRun['state']>> = { Done: 'Done', Errored: 'Failed' };
