import { isDeepStrictEqual } from 'node:util';
import { type Extracting, hasExtraction, putBackExtraction, takeOutExtraction } from './extraction.ts';
import type { ListName, Restore } from './restore.ts';
import type { ScanDelivery } from './scan-delivery.ts';

/** The name of our volume in a scan. */
export const VOLUME_NAME = 'image-credential-binding';

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
const LISTS: readonly ListName[] = ['env', 'volumes', 'volumeMounts'];

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
export function deliver<Spec extends ScanSpec>(
  whole: Spec,
  delivery: ScanDelivery | undefined,
): Delivered<Spec> {
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
export function carries(spec: ScanSpec, delivery: ScanDelivery | undefined): boolean {
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

function entriesOf(delivery: ScanDelivery): Required<Pick<ScanSpec, ListName>> {
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

/** Removes the last of several equal entries, because ours are appended. */
function withoutEnv(entries: readonly NamedEntry[], restore: Restore | undefined): readonly NamedEntry[] {
  const ours = (restore?.delivery?.env ?? []).map(envKey);
  const left: NamedEntry[] = [];
  const wanted = new Map<string | undefined, number>();
  for (const key of ours) wanted.set(key, (wanted.get(key) ?? 0) + 1);
  for (const entry of entries.toReversed()) {
    const key = envKey(entry);
    const count = wanted.get(key) ?? 0;
    if (count === 0) left.push(entry);
    else wanted.set(key, count - 1);
  }
  return left.reverse();
}

/** A string that is the same for equal entries; undefined: an entry that we never write. */
function envKey(entry: NamedEntry & { readonly value?: unknown }): string | undefined {
  const { name, value } = entry;
  const isOurs = typeof value === 'string' && Object.keys(entry).length === 2;
  return isOurs ? JSON.stringify([name, value]) : undefined;
}
