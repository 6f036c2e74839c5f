import { isRecord, quoted } from '../../../text/index.ts';
import { UserError } from '../../errors.ts';
import { isBindingType } from './binding-type.ts';

/** A Kubernetes object from a file. Its type and metadata are validated, its other fields are not. */
export interface Manifest {
  /** The position of the object in the files, for messages. */
  readonly place: string;
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

/**
 * Reads the type and the metadata of an object. What is wrong with those of a binding becomes its `problem`.
 *
 * @throws UserError if the value is not a Kubernetes object, or is of a kind that is read and has no valid metadata
 */
export function manifestOf(value: unknown, place: string): Manifest {
  if (!isRecord(value)) throw notAnObject(place, described(value));
  if (isBindingType(value)) return bindingOf(value, place);
  const { apiVersion, kind, metadata } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string')
    throw notAnObject(place, 'an object without them');
  if (!isMetadata(metadata)) {
    // Some objects have no name, such as a Kustomization, or a Job with a generateName.
    if (!READ_KINDS.has(kind)) return { place, apiVersion, kind, metadata: { name: '' }, object: value };
    const name = isRecord(metadata) && isString(metadata['name']) ? ` ${quoted(metadata['name'])}` : '';
    throw new UserError(
      `${place}: ${METADATA}, found something else in this ${quoted(kind)}${name}; correct its metadata`,
    );
  }
  return { place, apiVersion, kind, metadata, object: value };
}

/** The kinds of objects that are read, besides bindings. */
const READ_KINDS: ReadonlySet<string> = new Set(['Secret', 'ScheduledScan']);

const METADATA = 'expected metadata with a name, and with strings in namespace, labels and annotations';

function bindingOf(value: Readonly<Record<string, unknown>>, place: string): Manifest {
  const { apiVersion, kind, metadata } = value;
  const text = (one: unknown) => (isString(one) ? one : '');
  const manifest = { place, apiVersion: text(apiVersion), kind: text(kind), object: value };
  if (isMetadata(metadata)) return { ...manifest, metadata };
  const { name, namespace } = isRecord(metadata) ? metadata : {};
  return {
    ...manifest,
    metadata: { name: text(name), ...(isString(namespace) ? { namespace } : {}) },
    problem: [METADATA],
  };
}

function notAnObject(place: string, found: string): UserError {
  return new UserError(
    `${place}: expected a Kubernetes object with apiVersion and kind, found ${found}; correct the file, or omit it`,
  );
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
