import {
  boolYaml11Tag,
  FAILSAFE_SCHEMA,
  floatCoreTag,
  floatYaml11Tag,
  intCoreTag,
  intYaml11Tag,
  loadAll,
  mergeTag,
  NOT_RESOLVED,
  nullYaml11Tag,
  Schema,
} from 'js-yaml';

/**
 * What kubectl reads, so that a value has the same type here: YAML 1.1 (`yes` and `010` are no strings) without times and
 * numbers to the base of 60, but with `0o10` and `1e3` of YAML 1.2.
 */
const KUBECTL_SCHEMA = new Schema([
  ...FAILSAFE_SCHEMA.tags,
  nullYaml11Tag,
  boolYaml11Tag,
  {
    ...intYaml11Tag,
    resolve: (source, isExplicit, tagName) => {
      if (source.includes(':')) return NOT_RESOLVED;
      const result = intYaml11Tag.resolve(source, isExplicit, tagName);
      return result === NOT_RESOLVED ? intCoreTag.resolve(source, isExplicit, tagName) : result;
    },
  },
  {
    ...floatYaml11Tag,
    resolve: (source, isExplicit, tagName) => {
      if (source.includes(':')) return NOT_RESOLVED;
      const result = floatYaml11Tag.resolve(source, isExplicit, tagName);
      return result === NOT_RESOLVED ? floatCoreTag.resolve(source, isExplicit, tagName) : result;
    },
  },
  mergeTag,
]);

/**
 * The documents of a file, without the fields that are null, which `kubectl apply` does not send either.
 *
 * @throws YAMLException
 */
export function documentsIn(text: string): readonly unknown[] {
  const copies = new Map<object, unknown>();
  return loadAll(text, { schema: KUBECTL_SCHEMA }).map((document) => withoutNulls(document, copies));
}

/** @param copies - by object, because an alias may name an object many times, or an object that contains it */
function withoutNulls(value: unknown, copies: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (copies.has(value)) return copies.get(value);
  if (Array.isArray(value)) {
    const copy: unknown[] = [];
    copies.set(value, copy);
    for (const item of value) copy.push(withoutNulls(item, copies));
    return copy;
  }
  const copy: Record<string, unknown> = {};
  copies.set(value, copy);
  for (const [name, member] of Object.entries(value)) {
    if (member === null || member === undefined) continue;
    // A plain assignment to `__proto__` would not create a field.
    Object.defineProperty(copy, name, {
      ...{ configurable: true, enumerable: true, writable: true },
      value: withoutNulls(member, copies),
    });
  }
  return copy;
}
