import { quoted } from '../../../text/index.ts';

/** metav1.ObjectMeta: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ */
const FIELDS: ReadonlySet<string> = new Set([
  'annotations',
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'finalizers',
  'generateName',
  'generation',
  'labels',
  'managedFields',
  'name',
  'namespace',
  'ownerReferences',
  'resourceVersion',
  'selfLink',
  'uid',
]);

const LABEL = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const DNS_LABEL = new RegExp(`^${LABEL}$`);
const DNS_NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const NAME_PART = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const MOST_DNS_NAME = 253;
const MOST_NAME_PART = 63;
/** Of all annotations of an object, in bytes. */
const MOST_ANNOTATIONS = 256 * 1024;

interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What the API server would refuse in the metadata of an object with a name, and what it expects instead. */
export function metadataProblems(metadata: Metadata): readonly string[] {
  const { name, namespace, labels = {}, annotations = {} } = metadata;
  return [
    ...Object.keys(metadata)
      .filter((field) => !FIELDS.has(field))
      .map((field) => `metadata has no field ${quoted(field)}`),
    ...(isDnsName(name) ? [] : [`expected a DNS name in metadata.name, found ${quoted(name)}`]),
    ...(namespace === undefined || (namespace.length <= MOST_NAME_PART && DNS_LABEL.test(namespace))
      ? []
      : [`expected a DNS label in metadata.namespace, found ${quoted(namespace)}`]),
    ...timeProblems(metadata),
    ...Object.keys(labels)
      .filter((key) => !isQualified(key))
      .map((key) => badKey('labels', key)),
    ...Object.entries(labels)
      .filter(([, value]) => value !== '' && !isNamePart(value))
      .map(([key]) => `the value of the label ${quoted(key)} is invalid`),
    ...Object.keys(annotations)
      .filter((key) => !isQualified(key.toLowerCase()))
      .map((key) => badKey('annotations', key)),
    ...(sizeOf(annotations) > MOST_ANNOTATIONS
      ? [`expected annotations of at most 256 KiB, found more`]
      : []),
  ];
}

function badKey(field: 'labels' | 'annotations', key: string): string {
  return `the key ${quoted(key)} in metadata.${field} is invalid`;
}

/** RFC 3339, with a time zone. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

function timeProblems(metadata: Metadata): readonly string[] {
  const times = Object.entries(metadata).filter(
    ([field]) => field === 'creationTimestamp' || field === 'deletionTimestamp',
  );
  return times
    .filter(([, time]) => typeof time !== 'string' || !TIME.test(time))
    .map(([field]) => `expected an RFC 3339 time in metadata.${field}, found something else`);
}

function isQualified(key: string): boolean {
  const [prefix, name, ...more] = key.includes('/') ? key.split('/') : [undefined, key];
  return more.length === 0 && isNamePart(name ?? '') && (prefix === undefined || isDnsName(prefix));
}

function isNamePart(text: string): boolean {
  return text.length <= MOST_NAME_PART && NAME_PART.test(text);
}

function isDnsName(text: string): boolean {
  return text.length <= MOST_DNS_NAME && DNS_NAME.test(text);
}

function sizeOf(annotations: Readonly<Record<string, string>>): number {
  return Object.entries(annotations).reduce(
    (size, [key, value]) => size + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
}
