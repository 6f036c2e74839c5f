import { isRecord, quoted } from '../../../text/index.ts';
import { described, isAbsentOr, isString, isStringMap, type Manifest } from './manifest.ts';
import { metadataProblems } from './metadata.ts';

/** The type and the data of a Secret, in base64. As in the API server, `stringData` takes precedence over `data`. */
export type SecretData =
  | { readonly result: 'Data'; readonly type: string; readonly data: Readonly<Record<string, string>> }
  | { readonly result: 'Malformed'; readonly message: string };

/** The fields of a Secret: https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/ */
const SECRET_FIELDS: ReadonlySet<string> = new Set([
  ...['apiVersion', 'kind', 'metadata'],
  ...['data', 'immutable', 'stringData', 'type'],
]);
const DATA_KEY = /^[-._a-zA-Z0-9]{1,253}$/;
/** As the API server decodes it: padded, and without characters other than line breaks between the digits. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** Of all values of a Secret, in bytes: https://kubernetes.io/docs/concepts/configuration/secret/#restriction-data-size */
const LARGEST_DATA = 1024 * 1024;

/** Reads a Secret that may contain `stringData`. `Malformed`: the API server would refuse it. */
export function secretData({ object, metadata }: Manifest): SecretData {
  const { type = '', data, stringData } = object;
  const strings = { ...textsIn(data), ...textsIn(stringData) };
  const [problem] = [...metadataProblems(metadata), ...secretProblems(object)];
  if (problem !== undefined || !isString(type)) {
    const what = problem ?? 'expected a string as "type"';
    const advice = what.includes('; ') ? '' : '; correct it';
    return {
      result: 'Malformed',
      message: `the API server would refuse the Secret ${quoted(metadata.name)}: ${what}${advice}`,
    };
  }
  const encoded = Object.keys(textsIn(stringData)).map((key) => [
    key,
    Buffer.from(strings[key] ?? '').toString('base64'),
  ]);
  const all = { ...textsIn(data), ...Object.fromEntries(encoded) };
  return { result: 'Data', type: type === '' ? 'Opaque' : type, data: all };
}

function secretProblems(object: Manifest['object']): readonly string[] {
  const { immutable, data, stringData } = object;
  const unknown = Object.keys(object).find((field) => !SECRET_FIELDS.has(field));
  const sources = [
    ['data', data],
    ['stringData', stringData],
  ] as const;
  const notText = sources.flatMap(([field, values]) => notTexts(field, values));
  const keys = [...Object.keys(textsIn(data)), ...Object.keys(textsIn(stringData))];
  const badKey = keys.find((key) => !DATA_KEY.test(key));
  const notBase64 = Object.entries(textsIn(data)).find(
    ([, value]) => !BASE64.test(value.replaceAll(/[\r\n]/g, '')),
  );
  const size = sizeOf(textsIn(data), 'base64') + sizeOf(textsIn(stringData), 'utf8');
  return [
    ...(unknown === undefined ? [] : [`it has no field ${quoted(unknown)}`]),
    ...(isAbsentOr(immutable, (value) => typeof value === 'boolean')
      ? []
      : ['expected true or false as "immutable"']),
    ...notText,
    ...(badKey === undefined
      ? []
      : [`the key ${quoted(badKey)} may contain only letters, digits, "-", "_" and "."`]),
    ...(notBase64 === undefined
      ? []
      : [
          `expected base64 under ${quoted(notBase64[0])} in "data", found something else; encode the value, or use stringData`,
        ]),
    ...(size > LARGEST_DATA ? [`expected at most 1 MiB of data, found more`] : []),
  ];
}

/** What is wrong with a map whose values should be strings. A scalar that YAML reads as a number needs quotes. */
function notTexts(field: string, values: unknown): readonly string[] {
  if (values === undefined) return [];
  if (!isRecord(values)) return [`expected strings under "${field}", found ${described(values)}`];
  const [key, value] = Object.entries(values).find(([, one]) => !isString(one)) ?? [];
  if (key === undefined) return [];
  const quotes = typeof value === 'number' || typeof value === 'boolean' ? '; put the value in quotes' : '';
  return [`expected strings under "${field}", found ${described(value)} under ${quoted(key)}${quotes}`];
}

function textsIn(values: unknown): Readonly<Record<string, string>> {
  return isStringMap(values) ? values : {};
}

function sizeOf(values: Readonly<Record<string, string>>, encoding: BufferEncoding): number {
  return Object.values(values).reduce((size, value) => size + Buffer.byteLength(value, encoding), 0);
}
