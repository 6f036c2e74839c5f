import { isDeepStrictEqual } from 'node:util';
import { formatReference, type ImageReference } from '../../src/image/index.ts';
import { type KubeObject, SCANS, SCHEDULED_SCANS } from '../../src/object/index.ts';
import { readScheduledScan as parsed, type RawScheduledScan, readRun } from '../../src/scan/index.ts';
import { timestamp } from '../../src/text/index.ts';
import { eventually, type Progress, Unexpected } from '../scenario/index.ts';
import type { Workspace } from './workspace.ts';

/** The name of the ScheduledScan. */
const NAME = 'acceptance';
const INTERVAL_HOURS = 168;
const CONTROLLER_SECONDS = 180;
const POLL_MS = 250;
const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
/** How far in the past the planned time of a triggered run is. The controller chooses later times for its own runs. */
const TRIGGER_MS = 48 * HOUR_MS;

/** The CRD guarantees this structure. */
export interface Scan extends KubeObject {
  readonly spec: {
    readonly parameters: readonly string[];
    readonly volumes?: readonly {
      readonly name: string;
      readonly secret?: { readonly secretName?: string };
    }[];
  };
  readonly status?: { readonly state?: string; readonly errorDescription?: string };
}

type Spec = RawScheduledScan['spec'];

/** Creates the ScheduledScan as autodiscovery does, but under its own name. Returns its spec as stored. */
export async function createScheduledScan(
  workspace: Workspace,
  {
    scanType,
    trivyArgs,
    image,
  }: { readonly scanType: string; readonly trivyArgs: readonly string[]; readonly image: ImageReference },
): Promise<Spec> {
  const created = await workspace.create(SCHEDULED_SCANS, {
    metadata: { name: NAME },
    spec: {
      interval: `${INTERVAL_HOURS}h`,
      retriggerOnScanTypeChange: true,
      scanSpec: { scanType, parameters: [...trivyArgs, formatReference(image)] },
    },
  });
  // The API server returns the object that it has stored.
  return (created as RawScheduledScan & KubeObject).spec;
}

/** The ScheduledScan, and the Trivy Secret that it mounts; undefined: none. */
interface State {
  readonly scan: RawScheduledScan & KubeObject;
  readonly secretName: string | undefined;
}

/** @throws Unexpected if it no longer exists */
export async function scheduledScan(workspace: Workspace): Promise<State> {
  const scan = await workspace.get<RawScheduledScan & KubeObject>(SCHEDULED_SCANS, NAME);
  if (scan === undefined)
    throw new Unexpected(`the ScheduledScan ${NAME}`, 'none; another client has deleted it');
  return { scan, secretName: parsed(scan).bound?.delivery?.secretName };
}

/** Waits until the ScheduledScan mounts a Trivy Secret and names the image. Returns the name of the Secret. */
export async function boundScheduledScan(workspace: Workspace, image: ImageReference): Promise<string> {
  const wanted = formatReference(image);
  return eventually(`the ScheduledScan ${NAME} to name ${wanted} and to mount its credential`, {
    ...limits(workspace),
    read: async (): Promise<Progress<string>> => {
      const { scan, secretName } = await scheduledScan(workspace);
      const named = scan.spec.scanSpec.parameters.at(-1);
      if (named === wanted && secretName !== undefined) return { result: 'Reached', value: secretName };
      const mounted = secretName === undefined ? 'no Trivy Secret' : `the Trivy Secret ${secretName}`;
      return { result: 'NotYet', found: `that it names ${named} and mounts ${mounted}` };
    },
  });
}

/** Waits until the ScheduledScan has exactly this spec again. */
export async function restoredScheduledScan(workspace: Workspace, expected: Spec): Promise<void> {
  await eventually(`the ScheduledScan ${NAME} to have its original spec`, {
    ...limits(workspace),
    read: async () => {
      const { scan } = await scheduledScan(workspace);
      if (isDeepStrictEqual(scan.spec, expected)) return { result: 'Reached', value: undefined };
      return { result: 'NotYet', found: `other values in ${differences(scan.spec, expected).join(', ')}` };
    },
  });
}

function differences(found: Spec, expected: Spec): readonly string[] {
  const fields = (spec: Spec): Readonly<Record<string, unknown>> => ({
    ...Object.fromEntries(Object.entries(spec).map(([key, value]) => [`spec.${key}`, value])),
    ...Object.fromEntries(
      Object.entries(spec.scanSpec).map(([key, value]) => [`spec.scanSpec.${key}`, value]),
    ),
    'spec.scanSpec': undefined,
  });
  const [a, b] = [fields(found), fields(expected)];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
    (key) => !isDeepStrictEqual(a[key], b[key]),
  );
}

function limits({ signal }: Workspace) {
  return { seconds: CONTROLLER_SECONDS, pollMs: POLL_MS, signal };
}

/** The spec with another image. */
export function withImage(spec: Spec, image: ImageReference): Spec {
  const parameters = [...spec.scanSpec.parameters.slice(0, -1), formatReference(image)];
  return { ...spec, scanSpec: { ...spec.scanSpec, parameters } };
}

/** The Scans of the ScheduledScan, the latest first. */
export async function listScans(workspace: Workspace): Promise<readonly Scan[]> {
  const all = (await workspace.list(SCANS)) as readonly Scan[];
  return all
    .filter((scan) => readRun(scan)?.scheduledScan === NAME)
    .toSorted((a, b) => createdAt(b) - createdAt(a));
}

function createdAt({ metadata }: Scan): number {
  return Date.parse(metadata.creationTimestamp ?? '');
}

/** The names of all Scans so far. */
export async function scanNames(workspace: Workspace): Promise<ReadonlySet<string>> {
  return new Set((await listScans(workspace)).map(({ metadata }) => metadata.name));
}

/** Starts a run as `scbctl trigger` does: by an old `lastScheduleTime`. */
export async function trigger(workspace: Workspace): Promise<void> {
  const names = await scanNames(workspace);
  let planned = Date.now() - TRIGGER_MS;
  // The name of a Scan contains the second of its planned time.
  while (names.has(`${NAME}-${Math.floor(planned / SECOND_MS)}`)) planned -= SECOND_MS;
  const lastScheduleTime = timestamp(planned - INTERVAL_HOURS * HOUR_MS);
  const place = { namespace: workspace.namespace, name: NAME };
  await workspace.client.patchStatus(SCHEDULED_SCANS, place, { status: { lastScheduleTime } });
}

/** Waits for the first Scan to end, with success or not. */
export async function firstScan(workspace: Workspace, seconds: number): Promise<Scan> {
  return eventually(`the first Scan of ${NAME} to end`, {
    ...{ seconds, pollMs: POLL_MS, signal: workspace.signal },
    read: async () => {
      const scan = (await listScans(workspace)).at(-1);
      if (scan !== undefined && hasEnded(scan)) return { result: 'Reached', value: scan };
      return { result: 'NotYet', found: scan === undefined ? 'no Scan' : describeScan(scan) };
    },
  });
}

/** The Scan that is expected to succeed. */
interface ExpectedScan {
  readonly image: ImageReference;
  /** The Trivy Secret that it mounts. */
  readonly secretName: string;
  /** The Scans that existed before. */
  readonly known: ReadonlySet<string>;
  readonly seconds: number;
}

/**
 * Waits until a new Scan of the image, with the credential, is Done.
 *
 * @throws Unexpected at once if it is Errored
 */
export async function doneScan(workspace: Workspace, expected: ExpectedScan): Promise<Scan> {
  const { image, secretName, known, seconds } = expected;
  const named = formatReference(image);
  const what = `a new Scan of ${named} that mounts the Trivy Secret ${secretName} to be Done`;
  return eventually(what, {
    ...{ seconds, pollMs: POLL_MS, signal: workspace.signal },
    read: async () => {
      const scans = (await listScans(workspace)).filter(({ metadata }) => !known.has(metadata.name));
      const scan = scans.find(
        (each) => mountedSecret(each) === secretName && each.spec.parameters.at(-1) === named,
      );
      if (scan?.status?.state === 'Done') return { result: 'Reached', value: scan };
      if (scan?.status?.state === 'Errored') throw new Unexpected(what, describeScan(scan));
      const [latest] = scans;
      return { result: 'NotYet', found: latest === undefined ? 'no new Scan' : describeScan(latest) };
    },
  });
}

/** The Trivy Secret that a Scan mounts; undefined: none. */
export function mountedSecret(scan: Scan): string | undefined {
  return readRun(scan)?.secretName;
}

function hasEnded({ status }: Scan): boolean {
  return status?.state === 'Done' || status?.state === 'Errored';
}

export function describeScan({ metadata, status = {} }: Scan): string {
  const { state = '', errorDescription = '' } = status;
  return `Scan ${metadata.name} in the state ${state || 'Init'}${errorDescription === '' ? '' : `: ${errorDescription}`}`;
}
