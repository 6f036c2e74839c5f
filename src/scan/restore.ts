import { repositoryName } from '../image/index.ts';
import type { Delivery } from './delivery.ts';
import { isRecord, isTakenOut, type TakenOut } from './extraction.ts';
import { imageParameter } from './parameters.ts';

/** Not copied to Scans: what it takes to give the ScheduledScan back as it was. */
export const RESTORE_ANNOTATION = 'image-credential-binding/restore';

/** A list of a scanSpec that we add entries to. */
export type ListName = 'env' | 'volumes' | 'volumeMounts';

/** The last move of a scan, for whoever has to tell of it. */
export interface Moved {
  /** The repository that it named before. */
  readonly from: string;
  /** Name of the pull secret that it used there; undefined: none, or not known. */
  readonly source?: string | undefined;
  /** Which migration of the binding it was, counted from 1: `migrations` in the status of the binding says which was reported last. */
  readonly number: number;
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

/** Longer than any that we write: what is taken out has at most 32,768 characters, everything else a few thousand. */
const MOST_CHARACTERS = 65_536;
/** Of an object in Kubernetes. */
const LONGEST_NAME = 253;
/** A UID has 36 characters. */
const LONGEST_UID = 128;
/** An image's parts have 780 characters at most. */
const LONGEST_IMAGE = 1_024;
/** We write eighteen at most, for ECR. */
const MOST_ENV = 32;
const LONGEST_VALUE = 512;
const ENV_NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]{0,127}$/;
const SECRET_NAME = /^trivy-[a-z0-9.-]{1,247}$/;

/**
 * Reads the {@link RESTORE_ANNOTATION}, which anybody may have written who may write the scan. undefined: it is missing, or
 * is not as we write it.
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
 * Without a move or a taken-out list that is not as we write it: an earlier version wrote moves in another way, and the
 * scan must still be given back as it was.
 */
function withoutUnknown(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const { takenOut, moved, ...rest } = value;
  return {
    ...rest,
    ...(isTakenOut(takenOut) ? { takenOut } : {}),
    ...(isMoved(moved) ? { moved } : {}),
  };
}

/** Only what we know of, so that nothing else is kept. */
function readRestore({
  delivery,
  added,
  takenOut,
  bindingUid,
  repository,
  imageText,
  moved,
}: Restore): Restore {
  return {
    delivery: delivery && {
      secretName: delivery.secretName,
      mountPath: delivery.mountPath,
      env: delivery.env.map(({ name, value }) => ({ name, value })),
    },
    added,
    takenOut,
    bindingUid,
    repository,
    imageText,
    moved: moved && { from: moved.from, source: moved.source, number: moved.number },
  };
}

function isRestore(value: unknown): value is Restore {
  if (!isRecord(value)) return false;
  const { delivery, added, takenOut, bindingUid, repository, imageText, moved } = value;
  return (
    isAdded(added) &&
    isOptional(delivery, isDelivery) &&
    isOptional(takenOut, isTakenOut) &&
    isOptional(bindingUid, (uid) => isText(uid, LONGEST_UID)) &&
    isOptional(repository, isRepository) &&
    isOptional(imageText, isImage) &&
    isOptional(moved, isMoved)
  );
}

function isAdded(value: unknown): boolean {
  const isList = (name: unknown) => name === 'env' || name === 'volumes' || name === 'volumeMounts';
  return Array.isArray(value) && value.length <= 3 && value.every(isList);
}

function isMoved(value: unknown): boolean {
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
  return imageIn(value, (image) => repositoryName(image) === value);
}

function isImage(value: unknown): boolean {
  return imageIn(value, () => true);
}

function imageIn(value: unknown, is: (image: Parameters<typeof repositoryName>[0]) => boolean): boolean {
  if (!isText(value, LONGEST_IMAGE)) return false;
  const read = imageParameter([value]);
  return read.result === 'Image' && is(read.image);
}

function isDelivery(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { secretName, mountPath, env } = value;
  return (
    typeof secretName === 'string' &&
    SECRET_NAME.test(secretName) &&
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
