/** A JSON object: not null, not an array. */
export type JsonObject = { readonly [key: string]: unknown };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A field by its name in any letter case, the last one where several fit; null counts as absent. This is how
 * Go's encoding/json, and so the kubelet and Docker, find fields.
 */
export function field(object: JsonObject, name: string): unknown {
  const wanted = name.toLowerCase();
  const found = Object.entries(object).findLast(([key]) => key.toLowerCase() === wanted);
  return found?.[1] ?? undefined;
}

/** What a JSON value is, for a message that must not show the value itself. */
export function kindOf(value: unknown): string {
  if (Array.isArray(value)) {
    return 'a list';
  }
  return value === null ? 'null' : JSON_KINDS[typeof value];
}

const JSON_KINDS = {
  object: 'an object',
  string: 'a string',
  number: 'a number',
  boolean: 'a boolean',
  undefined: 'nothing',
  bigint: 'a number',
  function: 'a function',
  symbol: 'a symbol',
} as const;
