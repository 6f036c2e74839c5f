import { isDeepStrictEqual } from 'node:util';
import { repositoryName } from '../image/index.ts';
import {
  type Extracting,
  hasExtraction,
  isTakenOut,
  putBackExtraction,
  type TakenOut,
  takeOutExtraction,
} from './extraction.ts';
import { imageParameter } from './parameters.ts';

/** The name of our volume in a scan. */
export const VOLUME_NAME = 'image-credential-binding';
/** Not copied to Scans: what it takes to give the ScheduledScan back as it was. */
export const RESTORE_ANNOTATION = 'image-credential-binding/restore';

interface EnvEntry {
  readonly name: string;
  readonly value: string;
}

/** What a scan gets: a Secret mounted as files, and environment entries that point at them. */
export interface Delivery {
  readonly secretName: string;
  readonly mountPath: string;
  readonly env: readonly EnvEntry[];
}

interface NamedEntry {
  readonly name: string;
}
interface Volume extends NamedEntry {
  readonly secret?: {
    readonly secretName?: string;
    readonly optional?: boolean;
    readonly defaultMode?: number;
  };
}
interface VolumeMount extends NamedEntry {
  readonly mountPath?: string;
  readonly readOnly?: boolean;
}
/** The lists of a scanSpec that we change; all else passes through untouched. */
export interface ScanSpec extends Extracting {
  env?: readonly NamedEntry[];
  volumes?: readonly Volume[];
  volumeMounts?: readonly VolumeMount[];
}
type ListName = 'env' | 'volumes' | 'volumeMounts';
const LISTS: readonly ListName[] = ['env', 'volumes', 'volumeMounts'];

/** The last move of a scan, for whoever has to tell of it. */
export interface Moved {
  /** The repository that it named before. */
  readonly from: string;
  /** Name of the pull secret that it used there; undefined: none, or not known. */
  readonly source?: string | undefined;
  /** RFC 3339, in whole seconds. */
  readonly at: string;
}

/** What a scan remembers about our entries, in its {@link RESTORE_ANNOTATION}. */
export interface Restore {
  /** undefined: nothing was added, for no credential is needed. */
  readonly delivery?: Delivery | undefined;
  /** The lists that the scan did not have before. */
  readonly added: readonly ListName[];
  /** What had to go, for the scan to run with what it was handed. */
  readonly takenOut?: TakenOut | undefined;
  /** UID of the binding that it was bound by: one that was deleted and created again is another, which has changed nothing. */
  readonly bindingUid?: string | undefined;
  /** The repository that the scan named when it was bound: who finds another knows that somebody has changed the scan. */
  readonly repository?: string | undefined;
  /** The image as it was written before it was moved; a way back ends in the same text. */
  readonly imageText?: string | undefined;
  /** undefined: it was never moved. */
  readonly moved?: Moved | undefined;
}

/** Another volume has the name of ours, or is mounted at our path: the API server would refuse both in the Job. */
export interface Taken {
  readonly result: 'VolumeNameTaken' | 'MountPathTaken';
  /** The name, or the path. */
  readonly place: string;
}

type Delivered<Spec> =
  | { readonly result: 'Delivered'; readonly spec: Spec; readonly restore: Restore }
  | Taken;

/**
 * A scanSpec without autodiscovery's init container and with the entries of `delivery` behind what was there, and what
 * it takes to undo that.
 */
export function deliver<Spec extends ScanSpec>(whole: Spec, delivery: Delivery | undefined): Delivered<Spec> {
  const { spec, takenOut } = takeOutExtraction(whole);
  if (delivery === undefined) return { result: 'Delivered', spec, restore: { added: [], takenOut } };
  // A mount of that name alone is of a volume in the ScanType.
  if ([...(spec.volumes ?? []), ...(spec.volumeMounts ?? [])].some(({ name }) => name === VOLUME_NAME))
    return { result: 'VolumeNameTaken', place: VOLUME_NAME };
  if (spec.volumeMounts?.some(({ mountPath }) => mountPath === delivery.mountPath)) {
    return { result: 'MountPathTaken', place: delivery.mountPath };
  }
  const ours = entriesOf(delivery);
  const added = LISTS.filter((list) => whole[list] === undefined);
  const lists = LISTS.map((list) => [list, [...(spec[list] ?? []), ...ours[list]]]);
  return {
    result: 'Delivered',
    spec: { ...spec, ...Object.fromEntries(lists) },
    restore: { delivery, added, takenOut },
  };
}

/** A scanSpec as it was before. Entries that someone else has changed since are theirs, and stay. */
export function takeBack<Spec extends ScanSpec>(spec: Spec, restore: Restore | undefined): Spec {
  return putBackExtraction(withoutDelivery(spec, restore), restore?.takenOut);
}

function withoutDelivery<Spec extends ScanSpec>(spec: Spec, restore: Restore | undefined): Spec {
  if (restore?.delivery === undefined && isUntouched(spec)) return spec;
  const rest = { ...spec };
  for (const list of LISTS) {
    const left = withoutOurs(spec, list, restore);
    if (left?.length === 0 && restore?.added.includes(list)) delete rest[list];
    else if (left !== undefined) Object.assign(rest, { [list]: left });
  }
  return rest;
}

function withoutOurs(
  spec: ScanSpec,
  list: ListName,
  restore: Restore | undefined,
): readonly NamedEntry[] | undefined {
  if (list === 'env') return spec.env === undefined ? undefined : withoutEnv(spec.env, restore);
  return spec[list]?.filter(({ name }) => name !== VOLUME_NAME);
}

/** Whether the spec has no volume as we make them; one that only has our name is somebody else's. */
function isUntouched(spec: ScanSpec): boolean {
  const volumes: readonly Volume[] = spec.volumes ?? [];
  return !volumes.some(
    ({ name, secret }) =>
      name === VOLUME_NAME && secret?.optional === true && secret.secretName?.startsWith('trivy-'),
  );
}

/** Whether the spec hands Trivy exactly this delivery, whatever else it has, and nothing stands in its way. */
export function carries(spec: ScanSpec, delivery: Delivery | undefined): boolean {
  if (hasExtraction(spec)) return false;
  if (delivery === undefined) return isUntouched(spec);
  const ours = entriesOf(delivery);
  const named = (list: ListName) => (spec[list] ?? []).filter(({ name }) => name === VOLUME_NAME);
  const effective = new Map(spec.env?.map((entry) => [entry.name, entry]));
  return (
    delivery.env.every((entry) => isDeepStrictEqual(effective.get(entry.name), entry)) &&
    isDeepStrictEqual(named('volumes'), ours.volumes) &&
    isDeepStrictEqual(named('volumeMounts'), ours.volumeMounts)
  );
}

/** Ours are at most eighteen, for ECR; more is somebody's play with our time. */
const MOST_ENTRIES = 32;

/** Reads the {@link RESTORE_ANNOTATION}; undefined where it is missing or somebody made something else of it. */
export function parseRestore(text: string | undefined): Restore | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isRestore(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function entriesOf(delivery: Delivery): Required<Pick<ScanSpec, ListName>> {
  return {
    env: delivery.env,
    volumes: [
      {
        name: VOLUME_NAME,
        // Optional: a pod that waits for a missing Secret would never end. Readable for the scan's user.
        secret: { defaultMode: 0o444, optional: true, secretName: delivery.secretName },
      },
    ],
    volumeMounts: [{ name: VOLUME_NAME, mountPath: delivery.mountPath, readOnly: true }],
  };
}

/** Of equal entries the last one goes: ours are appended. */
function withoutEnv(entries: readonly NamedEntry[], restore: Restore | undefined): readonly NamedEntry[] {
  const left = [...entries];
  for (const entry of restore?.delivery?.env ?? []) {
    const index = left.findLastIndex((candidate) => isDeepStrictEqual(candidate, entry));
    if (index !== -1) left.splice(index, 1);
  }
  return left;
}

function isRestore(value: unknown): value is Restore {
  if (!isRecord(value) || !Array.isArray(value['added'])) return false;
  const { delivery, takenOut, moved, bindingUid } = value;
  return (
    (bindingUid === undefined || typeof bindingUid === 'string') &&
    (takenOut === undefined || isTakenOut(takenOut)) &&
    (delivery === undefined || isDelivery(delivery)) &&
    (moved === undefined || isMoved(moved))
  );
}

function isMoved(value: unknown): value is Moved {
  if (!isRecord(value)) return false;
  const { from, source, at } = value;
  const isSource = source === undefined || typeof source === 'string';
  return isRepository(from) && isSource && typeof at === 'string' && !Number.isNaN(Date.parse(at));
}

function isRepository(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  const read = imageParameter([value]);
  return read.result === 'Image' && repositoryName(read.image) === value;
}

function isDelivery(value: unknown): value is Delivery {
  if (!isRecord(value)) return false;
  const { secretName, mountPath, env } = value;
  return (
    typeof secretName === 'string' &&
    typeof mountPath === 'string' &&
    Array.isArray(env) &&
    env.length <= MOST_ENTRIES &&
    env.every(isEnvEntry)
  );
}

function isEnvEntry(value: unknown): boolean {
  return isRecord(value) && typeof value['name'] === 'string' && typeof value['value'] === 'string';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
