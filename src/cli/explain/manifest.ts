import { isRecord, quoted } from '../../text/index.ts';
import { UserError } from '../errors.ts';

/** A Kubernetes object from a file. Its type and metadata are validated, its other fields are not. */
export interface Manifest {
  /** The position of the object in the files, for messages. */
  readonly place: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly object: Readonly<Record<string, unknown>>;
}

interface List {
  readonly apiVersion: string;
  readonly kind: string;
  readonly items: readonly unknown[];
}

/** Whether a value is a `List`, or a list of one kind, such as `SecretList`. */
export function isList(value: unknown): value is List {
  return (
    isRecord(value) &&
    typeof value['apiVersion'] === 'string' &&
    typeof value['kind'] === 'string' &&
    value['kind'].endsWith('List') &&
    Array.isArray(value['items'])
  );
}

/** @throws UserError if the value is not a Kubernetes object with a name */
export function manifestOf(value: unknown, place: string): Manifest {
  if (!isRecord(value)) throw notAnObject(place, described(value));
  const { apiVersion, kind, metadata } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string')
    throw notAnObject(place, 'an object without them');
  if (!isMetadata(metadata)) {
    throw new UserError(
      `${place}: expected metadata with a name, and with strings in namespace, labels and annotations, found ` +
        `something else in this ${quoted(kind)}; correct its metadata`,
    );
  }
  return { place, apiVersion, kind, metadata, object: value };
}

function notAnObject(place: string, found: string): UserError {
  return new UserError(
    `${place}: expected a Kubernetes object with apiVersion and kind, found ${found}; correct the file, or omit it`,
  );
}

function described(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return value === null ? 'null' : `a ${typeof value}`;
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

/** The type and the data of a Secret, in base64. As in the API server, `stringData` takes precedence over `data`. */
export type SecretData =
  | { readonly result: 'Data'; readonly type: string; readonly data: Readonly<Record<string, string>> }
  | { readonly result: 'Malformed'; readonly message: string };

/** Reads a Secret that may contain `stringData`. */
export function secretData({ object, metadata }: Manifest): SecretData {
  const { type = 'Opaque', data, stringData } = object;
  const malformed = (what: string): SecretData => ({
    result: 'Malformed',
    message: `expected ${what} in the Secret ${quoted(metadata.name)}, found something else; correct it`,
  });
  if (!isString(type)) return malformed('a string as "type"');
  if (!isAbsentOr(data, isStringMap)) return malformed('strings under "data"');
  if (!isAbsentOr(stringData, isStringMap)) return malformed('strings under "stringData"');
  const encoded = Object.entries(stringData ?? {}).map(([key, value]) => [
    key,
    Buffer.from(value).toString('base64'),
  ]);
  return { result: 'Data', type, data: { ...data, ...Object.fromEntries(encoded) } };
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

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isNamed(value: unknown): boolean {
  return isRecord(value) && isString(value['name']);
}

function isListOf(value: unknown, is: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(is);
}

function isStringMap(value: unknown): value is Readonly<Record<string, string>> {
  return isRecord(value) && Object.values(value).every(isString);
}

/** `labels:` without a value is null in YAML. The API server treats null as absent. */
function isAbsentOr<T>(value: unknown, is: (value: unknown) => value is T): value is T | undefined;
function isAbsentOr(value: unknown, is: (value: unknown) => boolean): boolean;
function isAbsentOr(value: unknown, is: (value: unknown) => boolean): boolean {
  return value === undefined || value === null || is(value);
}
