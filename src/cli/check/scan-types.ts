import { imageCredentialBindings } from '../../api/index.ts';
import type { KubeClient } from '../../kube/index.ts';
import { type KubeObject, SCHEDULED_SCANS } from '../../object/index.ts';
import { compareText, quoted } from '../../text/index.ts';
import { type CommandScope, listAll } from '../cluster/index.ts';
import type { Apis } from './apis.ts';
import { type Item, missing, ok, type Seen, seen, seenValue, someOf, warning } from './item.ts';
import { CLUSTER_SCAN_TYPES, SCAN_TYPES } from './resources.ts';

/** A ScheduledScan, as far as this command reads it. */
export interface ScanUse {
  readonly namespace: string;
  readonly scanType: string;
  /** Whether the scan type is a ClusterScanType (`resourceMode: clusterWide`). */
  readonly isClusterWide: boolean;
  /** RFC 3339 time of the last run; undefined: none. */
  readonly lastRun: string | undefined;
}

interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** The objects that decide which ScanTypes must exist in a scope. */
interface ScanObjects {
  readonly scans: readonly ScanUse[];
  readonly scanTypes: readonly Place[];
  /** Names. undefined: they are hidden. */
  readonly clusterScanTypes: readonly string[] | undefined;
  /** The namespace of each binding. */
  readonly bindings: readonly string[];
}

/** What was read in a scope: all namespaces, or one of those that the user has named. */
export interface ScanRead {
  readonly scope: { readonly kind: 'All' } | { readonly kind: 'Namespace'; readonly name: string };
  readonly objects: Seen<ScanObjects>;
}

/**
 * Reads these objects, one namespace at a time, so that one that may not be read does not hide the others. Holds at most a
 * page of whole objects for each request.
 */
export async function readScans(
  client: KubeClient,
  scope: CommandScope,
  apis: Apis,
): Promise<readonly ScanRead[]> {
  const read = (part: CommandScope) => seen(readScanObjects(client, part, apis));
  if (scope.kind === 'All') return [{ scope, objects: await read(scope) }];
  return Promise.all(
    scope.names.map(async (name) => ({
      scope: { kind: 'Namespace', name } as const,
      objects: await read({ kind: 'Namespaces', names: [name] }),
    })),
  );
}

/** The ScheduledScans; undefined: all of them are hidden. */
export function usesIn(reads: readonly ScanRead[]): readonly ScanUse[] | undefined {
  const values = reads.flatMap(({ objects }) => seenValue(objects) ?? []);
  return values.length === 0 ? undefined : values.flatMap(({ scans }) => scans);
}

async function readScanObjects(client: KubeClient, scope: CommandScope, apis: Apis): Promise<ScanObjects> {
  const [scans, scanTypes, bindings, clusterScanTypes] = await Promise.all([
    listAll(client, SCHEDULED_SCANS, { scope }, scanUse),
    listAll(client, SCAN_TYPES, { scope, metadataOnly: true }, placeOf),
    apis.bindings ? listAll(client, imageCredentialBindings, { scope, metadataOnly: true }, placeOf) : [],
    readClusterScanTypes(client, apis),
  ]);
  return { scans, scanTypes, clusterScanTypes, bindings: bindings.map(({ namespace }) => namespace) };
}

async function readClusterScanTypes(
  client: KubeClient,
  { secureCodeBox }: Apis,
): Promise<readonly string[] | undefined> {
  if (!secureCodeBox.has(CLUSTER_SCAN_TYPES.plural)) return [];
  const selection = { scope: { kind: 'All' }, metadataOnly: true } as const;
  return seenValue(
    await seen(listAll(client, CLUSTER_SCAN_TYPES, selection, ({ metadata }) => metadata.name)),
  );
}

function placeOf({ metadata }: KubeObject): Place {
  return { namespace: metadata.namespace ?? '', name: metadata.name };
}

function scanUse(object: KubeObject): ScanUse {
  // The CRD has checked the shape.
  const { metadata, spec, status } = object as KubeObject & {
    readonly spec: { readonly scanSpec: { readonly scanType?: string; readonly resourceMode?: string } };
    readonly status?: { readonly lastScheduleTime?: string };
  };
  return {
    namespace: metadata.namespace ?? '',
    scanType: spec.scanSpec.scanType ?? '',
    isClusterWide: spec.scanSpec.resourceMode === 'clusterWide',
    lastRun: status?.lastScheduleTime,
  };
}

/** What a namespace has, and what it uses. */
interface NamespaceUse {
  readonly namespace: string;
  readonly scans: readonly ScanUse[];
  /** Names of its ScanTypes. */
  readonly scanTypes: readonly string[];
  readonly clusterScanTypes: readonly string[] | undefined;
  readonly hasBinding: boolean;
}

/**
 * Whether each namespace has the ScanTypes that its ScheduledScans use. One line for each namespace with a problem, and one
 * for all others together.
 *
 * @param isTrivy - whether a scan type is one whose scans the controller binds
 */
export function scanTypeItems(
  reads: readonly ScanRead[],
  isTrivy: (scanType: string) => boolean,
): readonly Item[] {
  const uses = reads.flatMap((read) => namespaceUses(read, isTrivy));
  const items = uses.map((use) => absentTypeItem(use) ?? noTypeItem(use, isTrivy));
  const fine = uses
    .filter((_, index) => items[index] === undefined)
    .map(({ namespace }) => quoted(namespace));
  if (uses.length === 0 && reads.every(({ objects }) => objects.result === 'Seen'))
    return [ok('scan types', 'no namespace has a binding, or a ScheduledScan of Trivy')];
  return [
    ...(fine.length === 0 ? [] : [ok('scan types', `Trivy's ScanTypes exist in ${someOf(fine)}`)]),
    ...items.filter((item) => item !== undefined),
    ...reads.flatMap(hiddenItems),
  ];
}

function namespaceUses(
  { scope, objects }: ScanRead,
  isTrivy: (scanType: string) => boolean,
): readonly NamespaceUse[] {
  const all = seenValue(objects);
  if (all === undefined) return [];
  const scans = Map.groupBy(
    all.scans.filter(({ scanType }) => isTrivy(scanType)),
    ({ namespace }) => namespace,
  );
  const scanTypes = Map.groupBy(all.scanTypes, ({ namespace }) => namespace);
  const bindings = new Set(all.bindings);
  const named = scope.kind === 'All' ? [] : [scope.name];
  const namespaces = new Set([...named, ...scans.keys(), ...bindings]);
  return [...namespaces].toSorted(compareText).map((namespace) => ({
    namespace,
    scans: scans.get(namespace) ?? [],
    scanTypes: (scanTypes.get(namespace) ?? []).map(({ name }) => name),
    clusterScanTypes: all.clusterScanTypes,
    hasBinding: bindings.has(namespace),
  }));
}

function hiddenItems({ scope, objects }: ScanRead): readonly Item[] {
  if (objects.result !== 'Hidden') return [];
  const place = scope.kind === 'All' ? 'in all namespaces' : `in ${quoted(scope.name)}`;
  return [
    warning(
      'scan types',
      `you may not list ScheduledScans, ScanTypes and bindings ${place}`,
      scope.kind === 'All' ? 'choose a namespace with --namespace' : 'ask for a Role there',
    ),
  ];
}

function absentTypeItem(use: NamespaceUse): Item | undefined {
  const absent = absentTypes(use);
  if (absent.length === 0) return undefined;
  const namespace = quoted(use.namespace);
  return missing(
    'scan types',
    `ScheduledScans in ${namespace} use the ${someOf(absent)}, which does not exist, so their scans fail`,
    installTrivy(use.namespace),
  );
}

/** The scan types that ScheduledScans of a namespace use, and that do not exist. */
function absentTypes({ scans, scanTypes, clusterScanTypes }: NamespaceUse): readonly string[] {
  const absent = scans.filter(({ scanType, isClusterWide }) =>
    isClusterWide ? clusterScanTypes?.includes(scanType) === false : !scanTypes.includes(scanType),
  );
  return [
    ...new Set(
      absent.map(
        ({ scanType, isClusterWide }) =>
          `${isClusterWide ? 'ClusterScanType' : 'ScanType'} ${quoted(scanType)}`,
      ),
    ),
  ];
}

function noTypeItem(use: NamespaceUse, isTrivy: (scanType: string) => boolean): Item | undefined {
  const { scanTypes, clusterScanTypes = [], hasBinding } = use;
  if (scanTypes.some(isTrivy) || clusterScanTypes.some(isTrivy)) return undefined;
  const namespace = quoted(use.namespace);
  return hasBinding
    ? missing(
        'scan types',
        `${namespace} has bindings, but no ScanType of Trivy`,
        installTrivy(use.namespace),
      )
    : warning(
        'scan types',
        `${namespace} has no ScanType of Trivy, no binding, and no ScheduledScan of Trivy`,
        `if images are to be scanned there, ${installTrivy(use.namespace)}`,
      );
}

function installTrivy(namespace: string): string {
  return `install Trivy: helm upgrade --install trivy oci://ghcr.io/securecodebox/helm/trivy --namespace ${namespace}`;
}
