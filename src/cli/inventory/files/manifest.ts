import { isRecord, quoted } from '../../../text/index.ts';
import { isBindingType } from './binding-type.ts';

/** Where a document is. */
interface Position {
  /** Name of the file, or `standard input`. */
  readonly file: string;
  /** Number of the document in the file, from 1. */
  readonly document: number;
  /** The line on which the document begins, from 1; undefined: it has no fields. */
  readonly line: number | undefined;
}

/** Where an object is: in a document, or in a list in a document. */
export interface Place {
  /** For messages. */
  readonly place: string;
  readonly position: Position;
}

/** A Kubernetes object from a file. Its type and metadata are validated, its other fields are not. */
export interface Manifest extends Place {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    /** Empty if the object is of a kind that is not read, and has no valid metadata. */
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly object: Readonly<Record<string, unknown>>;
  /** What is wrong with the metadata of a binding, whose name and namespace may be missing; undefined: nothing. */
  readonly problem?: readonly string[];
}

interface List {
  readonly apiVersion: string;
  readonly kind: string;
  /** undefined: `items:` without a value, which is an empty list. */
  readonly items?: readonly unknown[] | undefined;
}

/** Whether a value is a `List`, or a list of one kind, such as `SecretList`. */
export function isList(value: unknown): value is List {
  return (
    isRecord(value) &&
    typeof value['apiVersion'] === 'string' &&
    typeof value['kind'] === 'string' &&
    value['kind'].endsWith('List') &&
    (Array.isArray(value['items']) || (value['kind'] === 'List' && value['items'] === undefined))
  );
}

/** An object in a file; `NoManifest`: it is not one, or is of a kind that is read and has no valid metadata. */
export type ManifestRead =
  | { readonly result: 'Manifest'; readonly manifest: Manifest }
  | {
      readonly result: 'NoManifest';
      readonly message: string;
      /** Of a Kubernetes object with invalid metadata. */
      readonly type?: Pick<Manifest, 'apiVersion' | 'kind'> & { readonly name: string | undefined };
      /** Whether it is neither a Kubernetes object nor meant as one. */
      readonly isOther: boolean;
    };

/** Reads the type and the metadata of an object. What is wrong with those of a binding becomes its `problem`. */
export function readManifest(value: unknown, where: Place): ManifestRead {
  if (!isRecord(value)) return notAnObject(described(value), true);
  if (isBindingType(value)) return { result: 'Manifest', manifest: bindingOf(value, where) };
  const { apiVersion, kind, metadata } = value;
  if (!isString(apiVersion) || !isString(kind)) {
    const isMeant = metadata !== undefined && (isString(apiVersion) || isString(kind));
    return notAnObject('an object without them', !isMeant);
  }
  if (isMetadata(metadata))
    return { result: 'Manifest', manifest: { ...where, apiVersion, kind, metadata, object: value } };
  // Some objects have no name, such as a Kustomization, or a Job with a generateName.
  if (!READ_KINDS.has(kind))
    return {
      result: 'Manifest',
      manifest: { ...where, apiVersion, kind, metadata: { name: '' }, object: value },
    };
  return malformed(apiVersion, kind, metadata);
}

function malformed(apiVersion: string, kind: string, metadata: unknown): ManifestRead {
  const name = isRecord(metadata) && isString(metadata['name']) ? metadata['name'] : undefined;
  const which = name === undefined ? '' : ` ${quoted(name)}`;
  return {
    result: 'NoManifest',
    message: `${METADATA}, found something else in this ${quoted(kind)}${which}; correct its metadata`,
    type: { apiVersion, kind, name },
    isOther: false,
  };
}

/** The kinds of objects that are read, besides bindings. */
const READ_KINDS: ReadonlySet<string> = new Set(['Secret', 'ScheduledScan']);

const METADATA = 'expected metadata with a name, and with strings in namespace, labels and annotations';

function bindingOf(value: Readonly<Record<string, unknown>>, where: Place): Manifest {
  const { apiVersion, kind, metadata } = value;
  const text = (one: unknown) => (isString(one) ? one : '');
  const manifest = { ...where, apiVersion: text(apiVersion), kind: text(kind), object: value };
  if (isMetadata(metadata)) return { ...manifest, metadata };
  const { name, namespace } = isRecord(metadata) ? metadata : {};
  return {
    ...manifest,
    metadata: { name: text(name), ...(isString(namespace) ? { namespace } : {}) },
    problem: [METADATA],
  };
}

function notAnObject(found: string, isOther: boolean): ManifestRead {
  return {
    result: 'NoManifest',
    message: `expected a Kubernetes object with apiVersion and kind, found ${found}; correct the file, or omit it`,
    isOther,
  };
}

export function described(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value === null) return 'null';
  return isRecord(value) ? 'an object' : `a ${typeof value}`;
}

function isMetadata(value: unknown): value is Manifest['metadata'] {
  return (
    isRecord(value) &&
    typeof value['name'] === 'string' &&
    isAbsentOr(value['namespace'], isString) &&
    isAbsentOr(value['labels'], isStringMap) &&
    isAbsentOr(value['annotations'], isStringMap)
  );
}

/** Why an object, which no CRD has validated, cannot be read as a ScheduledScan; undefined: it can. */
export function scanProblem({ object, metadata }: Manifest): string | undefined {
  const spec = object['spec'];
  const scanSpec = isRecord(spec) ? spec['scanSpec'] : undefined;
  const readable =
    isRecord(spec) &&
    isRecord(scanSpec) &&
    ['interval', 'schedule'].every((name) => isAbsentOr(spec[name], isString)) &&
    isString(scanSpec['scanType']) &&
    isListOf(scanSpec['parameters'], isString) &&
    ['env', 'volumes', 'volumeMounts'].every((name) =>
      isAbsentOr(scanSpec[name], (list) => isListOf(list, isNamed)),
    );
  if (readable) return undefined;
  return (
    'expected spec.scanSpec with a scanType and a list of strings as parameters, found something else in the ' +
    `ScheduledScan ${quoted(metadata.name)}; correct it`
  );
}

export function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isNamed(value: unknown): boolean {
  return isRecord(value) && isString(value['name']);
}

function isListOf(value: unknown, is: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(is);
}

export function isStringMap(value: unknown): value is Readonly<Record<string, string>> {
  return isRecord(value) && Object.values(value).every(isString);
}

/** `labels:` without a value is null in YAML. The API server treats null as absent. */
export function isAbsentOr<T>(value: unknown, is: (value: unknown) => value is T): value is T | undefined;
export function isAbsentOr(value: unknown, is: (value: unknown) => boolean): boolean;
export function isAbsentOr(value: unknown, is: (value: unknown) => boolean): boolean {
  return value === undefined || value === null || is(value);
}
