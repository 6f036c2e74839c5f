import { type ImageReference, repositoryName } from '../image/index.ts';
import { LONGEST_NAME } from '../object/index.ts';
import { isRecord } from '../text/index.ts';
import { isRemovedParts, type RemovedParts } from './extraction.ts';
import { imageIn } from './image-text.ts';
import type { ScanDelivery } from './scan-delivery.ts';

/** The annotation with the data that unbinding needs to revert a ScheduledScan. It is not copied to Scans. */
export const RESTORE_ANNOTATION = 'image-credential-binding/restore';

/** A list of a scanSpec to which the controller adds entries. */
export type ListName = 'env' | 'volumes' | 'volumeMounts';

/** The last migration of a scan, so that it can be reported. */
export interface Migrated {
  /** The previous repository. */
  readonly from: string;
  /** Name of the pull secret that the scan used for the previous repository; undefined: none, or not known. */
  readonly source?: string | undefined;
  /**
   * The number of the migration, counted from 1 per binding. The last reported number is `migrations` in the status of
   * the binding.
   */
  readonly number: number;
}

/** The content of a scan's {@link RESTORE_ANNOTATION}: how the controller has changed the scan. */
export interface Restore {
  /** undefined: nothing was added, because no credential is needed. */
  readonly delivery?: ScanDelivery | undefined;
  /** The lists that the scan did not have before. */
  readonly added: readonly ListName[];
  /** Parts that had to be removed so that the scan runs with the delivered credential. */
  readonly removed?: RemovedParts | undefined;
  /** UID of the binding that bound the scan. A recreated binding has another UID, and has not changed the scan. */
  readonly bindingUid?: string | undefined;
  /** The repository that the scan named when it was bound. A different one means that a user has changed the scan. */
  readonly repository?: string | undefined;
  /** The image text before the migration. Migrating back restores exactly this text. */
  readonly imageText?: string | undefined;
  /** undefined: the scan was never migrated. */
  readonly migrated?: Migrated | undefined;
}

/**
 * In characters, longer than any annotation that the controller writes. The removed parts have at most 32,768 characters,
 * and the rest a few thousand.
 */
const MOST_CHARACTERS = 65_536;
/** Longest UID, in characters. A UID has 36. */
const LONGEST_UID = 128;
/** Longest image, in characters. The parts of an image have at most 780. */
const LONGEST_IMAGE = 1_024;
/** Limit on variables. The controller writes at most nineteen, for ECR. */
const MOST_ENV = 32;
const LONGEST_VALUE = 512;
const ENV_NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]{0,127}$/;
export const SECRET_NAME = /^trivy-[a-z0-9.-]{1,247}$/;
const PULL_SECRET_NAME = /^[a-z0-9][a-z0-9.-]{0,252}$/;

/**
 * Parses the {@link RESTORE_ANNOTATION}. Any user who may write the scan may have forged it. undefined: the annotation is
 * missing, or is not one that the controller writes.
 */
export function parseRestore(text: string | undefined): Restore | undefined {
  if (text === undefined || text.length > MOST_CHARACTERS) return undefined;
  try {
    const value = withoutUnknown(JSON.parse(text));
    return isRestore(value) ? readRestore(value) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Drops a migration, or removed parts, in a format that the controller does not write. An earlier version wrote
 * migrations in another format, and unbinding must still revert such a scan.
 */
function withoutUnknown(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const { removed, migrated, ...rest } = value;
  return {
    ...rest,
    ...(isRemovedParts(removed) ? { removed } : {}),
    ...(isMigrated(migrated) ? { migrated } : {}),
  };
}

/** Copies only the known fields, so that nothing else is kept. */
function readRestore({
  delivery,
  added,
  removed,
  bindingUid,
  repository,
  imageText,
  migrated,
}: Restore): Restore {
  return {
    delivery: delivery && {
      secretName: delivery.secretName,
      mountPath: delivery.mountPath,
      env: delivery.env.map(({ name, value }) => ({ name, value })),
      ...(delivery.mounts === undefined ? {} : { mounts: delivery.mounts }),
    },
    added,
    removed,
    bindingUid,
    repository,
    imageText,
    migrated: migrated && { from: migrated.from, source: migrated.source, number: migrated.number },
  };
}

function isRestore(value: unknown): value is Restore {
  if (!isRecord(value)) return false;
  const { delivery, added, removed, bindingUid, repository, imageText, migrated } = value;
  return (
    isAdded(added) &&
    isOptional(delivery, isDelivery) &&
    isOptional(removed, isRemovedParts) &&
    isOptional(bindingUid, (uid) => isText(uid, LONGEST_UID)) &&
    isOptional(repository, isRepository) &&
    isOptional(imageText, isImage) &&
    isOptional(migrated, isMigrated)
  );
}

function isAdded(value: unknown): boolean {
  const isList = (name: unknown) => name === 'env' || name === 'volumes' || name === 'volumeMounts';
  return Array.isArray(value) && value.length <= 3 && value.every(isList);
}

function isMigrated(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { from, source, number } = value;
  return (
    isRepository(from) &&
    isOptional(source, (name) => isText(name, LONGEST_NAME)) &&
    Number.isSafeInteger(number) &&
    Number(number) > 0
  );
}

function isRepository(value: unknown): boolean {
  return namesImage(value, (image) => repositoryName(image) === value);
}

function isImage(value: unknown): boolean {
  return namesImage(value, () => true);
}

function namesImage(value: unknown, is: (image: ImageReference) => boolean): boolean {
  const image = isText(value, LONGEST_IMAGE) ? imageIn(value) : undefined;
  return image !== undefined && is(image);
}

function isDelivery(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { secretName, mountPath, env, mounts } = value;
  return (
    (mounts === undefined || mounts === 'PullSecret') &&
    typeof secretName === 'string' &&
    (mounts === undefined ? SECRET_NAME : PULL_SECRET_NAME).test(secretName) &&
    isText(mountPath, LONGEST_NAME) &&
    mountPath.startsWith('/') &&
    Array.isArray(env) &&
    env.length <= MOST_ENV &&
    env.every(isEnvEntry)
  );
}

function isEnvEntry(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { name, value: text } = value;
  return typeof name === 'string' && ENV_NAME.test(name) && isText(text, LONGEST_VALUE);
}

function isText(value: unknown, most: number): value is string {
  return typeof value === 'string' && value.length <= most;
}

function isOptional(value: unknown, is: (value: unknown) => boolean): boolean {
  return value === undefined || is(value);
}
