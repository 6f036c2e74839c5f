import type { KubeObject, ObjectMeta } from '../object/index.ts';
import { isRecord } from '../text/index.ts';
import type { ScanSpec } from './delivery.ts';

/** A Scan as the API server sends it. secureCodeBox's CRD has validated these fields, or {@link parseScan} has. */
export interface RawScan extends KubeObject {
  readonly spec: ScanSpec & {
    readonly scanType: string;
    readonly parameters: readonly string[];
    /** The CRD has the default false. undefined: the CRD does not know the field, so a Scan cannot be suspended. */
    readonly suspend?: boolean;
  };
  readonly status?: { readonly state?: string };
}

/** Limit on the entries of a list or map of a Scan that is parsed. */
const MOST_ENTRIES = 10_000;

/**
 * Parses a Scan that the CRD has not validated yet, such as the one in an admission request. Checks the structure of all fields
 * that the controller reads, and keeps the others unchanged.
 *
 * @param name - the name to read, because a Scan with `generateName` has none when it is created
 * @returns undefined: the CRD would refuse it, or it exceeds a limit
 */
export function parseScan(object: unknown, { namespace, name }: ScanPlace): RawScan | undefined {
  if (!isRecord(object)) return undefined;
  const { metadata, spec } = object;
  if (!isMetadata(metadata) || !isSpec(spec)) return undefined;
  const { generateName } = metadata as { readonly generateName?: unknown };
  const generated = typeof generateName === 'string' ? generateName : '';
  // The checks above cover the fields of these types that the controller reads.
  return {
    ...object,
    metadata: { ...metadata, namespace, name: name === '' ? generated : name } as ObjectMeta,
    spec: spec as unknown as RawScan['spec'],
  };
}

interface ScanPlace {
  readonly namespace: string;
  /** Empty: the API server generates the name. */
  readonly name: string;
}

type Fields = Readonly<Record<string, unknown>>;

function isMetadata(value: unknown): value is Fields {
  if (!isRecord(value)) return false;
  const { labels, annotations, ownerReferences } = value;
  return isTextMap(labels) && isTextMap(annotations) && isOptionalList(ownerReferences, isOwner);
}

function isOwner(value: unknown): boolean {
  return isRecord(value) && typeof value['kind'] === 'string' && typeof value['name'] === 'string';
}

function isSpec(value: unknown): value is Fields {
  if (!isRecord(value)) return false;
  const { scanType, parameters, suspend, env, volumes, volumeMounts, initContainers } = value;
  return (
    typeof scanType === 'string' &&
    isList(parameters, (parameter) => typeof parameter === 'string') &&
    (suspend === undefined || typeof suspend === 'boolean') &&
    isOptionalList(env, isNamed) &&
    isOptionalList(volumes, isVolume) &&
    isOptionalList(volumeMounts, isNamed) &&
    isOptionalList(initContainers, isInitContainer)
  );
}

function isVolume(value: unknown): boolean {
  if (!isNamed(value)) return false;
  const { secret } = value;
  if (secret === undefined) return true;
  return isRecord(secret) && isOptionalText(secret['secretName']);
}

function isInitContainer(value: unknown): boolean {
  if (!isNamed(value)) return false;
  const { args, volumeMounts } = value;
  return isOptionalList(args, (arg) => typeof arg === 'string') && isOptionalList(volumeMounts, isNamed);
}

function isNamed(value: unknown): value is Fields {
  return isRecord(value) && typeof value['name'] === 'string';
}

function isOptionalText(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

function isTextMap(value: unknown): boolean {
  if (value === undefined) return true;
  if (!isRecord(value)) return false;
  const texts = Object.values(value);
  return texts.length <= MOST_ENTRIES && texts.every((text) => typeof text === 'string');
}

function isOptionalList(value: unknown, is: (entry: unknown) => boolean): boolean {
  return value === undefined || isList(value, is);
}

function isList(value: unknown, is: (entry: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= MOST_ENTRIES && value.every(is);
}
