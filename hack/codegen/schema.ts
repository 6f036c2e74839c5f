import type { Rule, Schema, TypeMeta } from './crd.ts';
import { objectMeta, wholeObjectMeta } from './object-meta.ts';

/** Extensions that do not change which JSON values are valid, so that a JSON schema does not need them. */
const IGNORED_EXTENSIONS = new Set([
  'x-kubernetes-list-map-keys',
  'x-kubernetes-list-type',
  'x-kubernetes-map-type',
  'x-kubernetes-validations',
]);
const NOT_VALIDATED = new Set(['title', 'description', 'default']);

/** A CEL rule that is one regular expression or its negation, in raw strings joined by `+`. */
const MATCHES = /^(!?)self\.matches\(\s*(r'[^']*'(?:\s*\+\s*r'[^']*')*)\s*\)$/;

/** The schema with `change` applied to it and to every schema in it, the innermost first. */
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

/** The schema and every schema in it, outer schemas first and in the order of the file. */
export function schemasIn(schema: Schema): readonly Schema[] {
  const inner = [...Object.values(schema.properties ?? {}), schema.items, schema.additionalProperties];
  return [schema, ...inner.filter(isSchema).flatMap(schemasIn)];
}

/** The schema without titles and descriptions. */
export function withoutTexts(schema: Schema): Schema {
  return mapSchema(schema, (each) =>
    without(each, (keyword) => keyword === 'title' || keyword === 'description'),
  );
}

function without(schema: Schema, dropped: (keyword: string) => boolean): Schema {
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => !dropped(keyword)));
}

/**
 * The schema without the API server's extensions.
 *
 * @throws Error if an extension or keyword changes which values are valid, and this function cannot translate it
 */
function withoutExtensions(schema: Schema): Schema {
  for (const keyword of Object.keys(schema)) {
    const known = keyword.startsWith('x-') ? IGNORED_EXTENSIONS.has(keyword) : keyword !== 'nullable';
    if (!known) {
      throw new Error(
        `expected a schema that JSON schema can express, found ${keyword}; add support for it in hack/codegen/schema.ts`,
      );
    }
  }
  return without(schema, (keyword) => IGNORED_EXTENSIONS.has(keyword));
}

/**
 * A CEL rule as JSON schema, with its message in `$comment`; undefined: JSON schema cannot express it, so only the API
 * server enforces it.
 */
export function fromRule({ rule, message }: Rule): Schema | undefined {
  const code = rule.replaceAll(/^\s*\/\/.*$/gm, '').trim();
  const [, negation, literals] = MATCHES.exec(code) ?? [];
  if (literals === undefined) return undefined;
  const pattern = [...literals.matchAll(/r'([^']*)'/g)].map(([, literal]) => literal).join('');
  return negation === '!' ? { not: { pattern }, $comment: message } : { pattern, $comment: message };
}

function withRules(schema: Schema): Schema {
  const rules = (schema['x-kubernetes-validations'] ?? []).map(fromRule).filter((rule) => rule !== undefined);
  return rules.length === 0 ? schema : { ...schema, allOf: rules };
}

/** Refuses fields that the schema does not name, as `kubectl apply` does. */
function closed(schema: Schema): Schema {
  return schema.properties === undefined ? schema : { ...schema, additionalProperties: false };
}

/** The CRD's schema as the schema of a whole object, with its own apiVersion and kind, and with metadata. */
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

/** Wraps descriptions for TypeScript comments. (`kubectl explain` wraps the lines of a CRD by itself.) */
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

/** The JSON schema that the validator is made from. Metadata accepts other fields, because it belongs to the API server. */
export function validationSchema(schema: Schema, typeMeta: TypeMeta): Schema {
  const bare = (each: Schema) => without(each, (keyword) => NOT_VALIDATED.has(keyword));
  const own = mapSchema(schema, (each) => bare(withoutExtensions(withRules(each))));
  const { metadata: _, ...rest } = own.properties ?? {};
  const ownClosed = mapSchema({ ...own, properties: rest }, closed);
  return wholeObject(ownClosed, typeMeta, mapSchema(objectMeta, bare));
}

/**
 * The JSON schema (draft 7) of a manifest, for editors and kubeconform. It refuses fields that a strict `kubectl apply`
 * refuses. It cannot express all rules of the API server.
 */
export function manifestSchema(schema: Schema, typeMeta: TypeMeta): Schema {
  const own = mapSchema(schema, (each) => closed(withoutExtensions(withRules(each))));
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    ...wholeObject(own, typeMeta, mapSchema(wholeObjectMeta, closed)),
  };
}
