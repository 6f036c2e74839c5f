import { isDeepStrictEqual } from 'node:util';
import { isRecord } from '../../text/index.ts';

/** How the schema of an installed CRD differs from the one of this program. Paths such as `spec.replaces`. */
export interface SchemaDifference {
  /** Fields that only this program has. */
  readonly lacking: readonly string[];
  /** Fields that only the installed CRD has. */
  readonly additional: readonly string[];
  /** Fields, or their rules, that differ. */
  readonly changed: readonly string[];
}

/** Keywords that do not decide which objects are valid. */
const TEXTS = new Set(['title', 'description']);
/** Keywords with schemas in them. */
const NESTED = new Set(['properties', 'items', 'additionalProperties']);

type Schema = Readonly<Record<string, unknown>>;

/** Compares two schemas of a CRD. Ignores titles and descriptions. */
export function schemaDifference(own: unknown, installed: unknown): SchemaDifference {
  const [ours, theirs] = [fieldsOf(own, ''), fieldsOf(installed, '')];
  return {
    lacking: [...ours.keys()].filter((path) => !theirs.has(path)),
    additional: [...theirs.keys()].filter((path) => !ours.has(path)),
    changed: [...ours.keys()].filter(
      (path) => theirs.has(path) && !isDeepStrictEqual(ours.get(path), theirs.get(path)),
    ),
  };
}

/** By path: the keywords of each schema, except those that contain other schemas. */
function fieldsOf(value: unknown, path: string): ReadonlyMap<string, Schema> {
  const schema = recordOf(value);
  const own = Object.entries(schema).filter(([keyword]) => !TEXTS.has(keyword) && !NESTED.has(keyword));
  const nested = [
    ...Object.entries(recordOf(schema['properties'])).map(([name, inner]) => [name, inner] as const),
    ...(['items', 'additionalProperties'] as const)
      .filter((keyword) => isRecord(schema[keyword]))
      .map((keyword) => [keyword === 'items' ? '[]' : '*', schema[keyword]] as const),
  ];
  return new Map([
    [path === '' ? 'the whole object' : path, Object.fromEntries(own)] as const,
    ...nested.flatMap(([name, inner]) => [...fieldsOf(inner, path === '' ? name : `${path}.${name}`)]),
  ]);
}

function recordOf(value: unknown): Schema {
  return isRecord(value) ? value : {};
}
