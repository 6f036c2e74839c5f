import { isDeepStrictEqual } from 'node:util';
import { type Extracting, hasExtraction, removeExtraction, restoreExtraction } from './extraction.ts';
import { type ListName, type Restore, SECRET_NAME } from './restore.ts';
import type { ScanDelivery } from './scan-delivery.ts';

/** The name of the volume that the controller adds to a scan. */
export const VOLUME_NAME = 'image-credential-binding';

interface NamedEntry {
  readonly name: string;
}
interface Volume extends NamedEntry {
  readonly secret?: {
    readonly secretName?: string;
    readonly optional?: boolean;
    readonly defaultMode?: number;
    readonly items?: readonly { readonly key?: string; readonly path?: string }[];
  };
}
interface VolumeMount extends NamedEntry {
  readonly mountPath?: string;
  readonly readOnly?: boolean;
}
/** The lists of a scanSpec that the controller changes. All other fields stay unchanged. */
export interface ScanSpec extends Extracting {
  env?: readonly NamedEntry[];
  volumes?: readonly Volume[];
  volumeMounts?: readonly VolumeMount[];
}
const LISTS: readonly ListName[] = ['env', 'volumes', 'volumeMounts'];

/**
 * The scan already has a volume with the controller's volume name, or a mount at the controller's mount path. The API
 * server would reject a Job with two of either.
 */
export interface Taken {
  readonly result: 'VolumeNameTaken' | 'MountPathTaken';
  /** The name of the volume, or the path of the mount. */
  readonly place: string;
}

type Delivered<Spec> =
  | { readonly result: 'Delivered'; readonly spec: Spec; readonly restore: Restore }
  | Taken;

/**
 * Removes autodiscovery's init container from a scanSpec, and appends the entries of `delivery` to its lists. Also returns
 * the data that {@link revertDelivery} needs.
 */
export function deliver<Spec extends ScanSpec>(
  whole: Spec,
  delivery: ScanDelivery | undefined,
): Delivered<Spec> {
  const { spec, removed } = removeExtraction(whole);
  if (delivery === undefined) return { result: 'Delivered', spec, restore: { added: [], removed } };
  // Checks the mounts, too, because a mount with this name may refer to a volume of the ScanType.
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
    restore: { delivery, added, removed },
  };
}

/** The original scanSpec: the inverse of {@link deliver}. Entries that another client has changed since are kept. */
export function revertDelivery<Spec extends ScanSpec>(spec: Spec, restore: Restore | undefined): Spec {
  return restoreExtraction(withoutDelivery(spec, restore), restore?.removed);
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

/** Whether the spec has no volume that the controller added. Another client may have added one with the same name. */
function isUntouched(spec: ScanSpec): boolean {
  const volumes: readonly Volume[] = spec.volumes ?? [];
  return !volumes.some((volume) => volume.name === VOLUME_NAME && mountedBy(volume) !== undefined);
}

/** What a volume with the controller's name mounts; undefined: another client has added the volume. */
export function mountedBy({
  secret,
}: Volume): Required<Pick<ScanDelivery, 'secretName' | 'mounts'>> | undefined {
  if (secret?.optional !== true || secret.secretName === undefined) return undefined;
  const { secretName, items } = secret;
  if (isDeepStrictEqual(items, PULL_SECRET_ITEMS)) return { secretName, mounts: 'PullSecret' };
  return SECRET_NAME.test(secretName) ? { secretName, mounts: undefined } : undefined;
}

/** The file with which Trivy reads a pull secret. All other keys of the Secret stay out of the scan. */
const PULL_SECRET_ITEMS = [{ key: '.dockerconfigjson', path: 'config.json' }];

/** Whether the spec gives Trivy exactly this delivery, and nothing in the spec interferes with it. */
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
  const items = delivery.mounts === 'PullSecret' ? { items: PULL_SECRET_ITEMS } : {};
  return {
    env: delivery.env,
    volumes: [
      {
        name: VOLUME_NAME,
        // Optional, because otherwise a pod would wait indefinitely for a missing Secret. Readable by all users, because
        // a scan may run as any user.
        secret: { defaultMode: 0o444, optional: true, secretName: delivery.secretName, ...items },
      },
    ],
    volumeMounts: [{ name: VOLUME_NAME, mountPath: delivery.mountPath, readOnly: true }],
  };
}

/** If entries are equal, removes the last ones, because `deliver` appends entries. */
function withoutEnv(entries: readonly NamedEntry[], restore: Restore | undefined): readonly NamedEntry[] {
  const ours = (restore?.delivery?.env ?? []).map(envKey);
  const left: NamedEntry[] = [];
  const toRemove = new Map<string | undefined, number>();
  for (const key of ours) toRemove.set(key, (toRemove.get(key) ?? 0) + 1);
  for (const entry of entries.toReversed()) {
    const key = envKey(entry);
    const count = toRemove.get(key) ?? 0;
    if (count === 0) left.push(entry);
    else toRemove.set(key, count - 1);
  }
  return left.reverse();
}

/** A string that is the same for equal entries; undefined: the controller never writes such an entry. */
function envKey(entry: NamedEntry & { readonly value?: unknown }): string | undefined {
  const { name, value } = entry;
  const isOurs = typeof value === 'string' && Object.keys(entry).length === 2;
  return isOurs ? JSON.stringify([name, value]) : undefined;
}
