import type { Rule, Schema, TypeMeta } from './crd.ts';
import { objectMeta } from './object-meta.ts';

/** Extensions that do not change which JSON values are valid, so that JSON schema can do without them. */
const IGNORED_EXTENSIONS = new Set([
  'x-kubernetes-list-map-keys',
  'x-kubernetes-list-type',
  'x-kubernetes-map-type',
  'x-kubernetes-validations',
]);
const NOT_VALIDATED = new Set(['title', 'description', 'default']);

/** A CEL rule that is one regular expression, or its denial, in raw strings joined by `+`. */
const MATCHES = /^(!?)self\.matches\(\s*(r'[^']*'(?:\s*\+\s*r'[^']*')*)\s*\)$/;

/** The schema with `change` applied to it and to every schema inside it, the innermost first. */
function mapSchema(schema: Schema, change: (schema: Schema) => Schema): Schema {
  const inner: Record<string, unknown> = { ...schema };
  if (schema.properties !== undefined) {
    inner['properties'] = Object.fromEntries(
      Object.entries(schema.properties).map(([name, property]) => [name, mapSchema(property, change)]),
    );
  }
  for (const keyword of ['items', 'additionalProperties']) {
    const value = schema[keyword];
    if (isSchema(value)) inner[keyword] = mapSchema(value, change);
  }
  return change(inner);
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null;
}

/** The schema and every schema inside it, from the outside in and in the order of the file. */
export function schemasIn(schema: Schema): readonly Schema[] {
  const inner = [...Object.values(schema.properties ?? {}), schema.items, schema.additionalProperties];
  return [schema, ...inner.filter(isSchema).flatMap(schemasIn)];
}

function without(schema: Schema, dropped: (keyword: string) => boolean): Schema {
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => !dropped(keyword)));
}

/**
 * The schema without the API server's extensions.
 *
 * @throws Error on an extension or keyword that changes which values are valid and has no translation here.
 */
function withoutExtensions(schema: Schema): Schema {
  for (const keyword of Object.keys(schema)) {
    const known = keyword.startsWith('x-') ? IGNORED_EXTENSIONS.has(keyword) : keyword !== 'nullable';
    if (!known) {
      throw new Error(
        `expected a schema that JSON schema can say, found ${keyword}: teach hack/codegen/schema.ts`,
      );
    }
  }
  return without(schema, (keyword) => IGNORED_EXTENSIONS.has(keyword));
}

/**
 * A CEL rule as JSON schema, its message in `$comment`, or undefined where JSON schema cannot say it: then the
 * API server alone enforces it.
 */
export function fromRule({ rule, message }: Rule): Schema | undefined {
  const code = rule.replaceAll(/^\s*\/\/.*$/gm, '').trim();
  const [, denied, literals] = MATCHES.exec(code) ?? [];
  if (literals === undefined) return undefined;
  const pattern = [...literals.matchAll(/r'([^']*)'/g)].map(([, literal]) => literal).join('');
  return denied === '!' ? { not: { pattern }, $comment: message } : { pattern, $comment: message };
}

function withRules(schema: Schema): Schema {
  const rules = (schema['x-kubernetes-validations'] ?? []).map(fromRule).filter((rule) => rule !== undefined);
  return rules.length === 0 ? schema : { ...schema, allOf: rules };
}

/** Fields that the schema does not name are refused, as `kubectl apply` refuses them. */
function closed(schema: Schema): Schema {
  return schema.properties === undefined ? schema : { ...schema, additionalProperties: false };
}

/** The CRD's schema as one of a whole object: with its own apiVersion and kind, and with metadata. */
function wholeObject(schema: Schema, typeMeta: TypeMeta, metadata: Schema): Schema {
  const { apiVersion, kind, ...properties } = schema.properties ?? {};
  return {
    ...schema,
    required: ['apiVersion', 'kind', 'metadata', ...(schema.required ?? [])],
    properties: {
      apiVersion: { ...apiVersion, const: typeMeta.apiVersion },
      kind: { ...kind, const: typeMeta.kind },
      ...properties,
      metadata,
    },
  };
}

/** `kubectl explain` wraps lines itself; TypeScript's comments need it done. */
function wrapped(schema: Schema): Schema {
  const description = schema.description?.replaceAll(/(.{1,100})(?: +|$)/g, '$1\n').trimEnd();
  return description === undefined ? schema : { ...schema, description };
}

/** The JSON schema that TypeScript's interfaces are made from. */
export function typeSchema(schema: Schema, typeMeta: TypeMeta): Schema {
  return wholeObject(
    mapSchema(schema, (each) => wrapped(withoutExtensions(each))),
    typeMeta,
    objectMeta,
  );
}

/** The JSON schema that the validator is made from. Metadata is open, for it is the API server's. */
export function validationSchema(schema: Schema, typeMeta: TypeMeta): Schema {
  const bare = (each: Schema) => without(each, (keyword) => NOT_VALIDATED.has(keyword));
  const own = mapSchema(schema, (each) => bare(withoutExtensions(withRules(each))));
  const { metadata: _, ...rest } = own.properties ?? {};
  const ownClosed = mapSchema({ ...own, properties: rest }, closed);
  return wholeObject(ownClosed, typeMeta, mapSchema(objectMeta, bare));
}
