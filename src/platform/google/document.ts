import { type Malformed, malformed } from '../secret-fields.ts';

/** The JSON object of a Google key file. */
export type Document = Readonly<Record<string, unknown>>;

/** The texts of these fields; `undefined` if any of them is empty or not a text. */
export function texts<const Name extends string>(
  document: Document,
  names: readonly Name[],
): Record<Name, string> | undefined {
  const found = names.flatMap((name) => {
    const value = document[name];
    return typeof value === 'string' && value !== '' ? [[name, value] as const] : [];
  });
  // One for each of the names.
  return found.length === names.length ? (Object.fromEntries(found) as Record<Name, string>) : undefined;
}

/** A field would send the key to another place than Google's. */
export function elsewhere(name: string, expected: string): Malformed {
  return malformed(
    `expected ${expected} in the field ${name} of the Google key file, found another place; ` +
      'the key is shown nowhere else: create a new key file',
  );
}

/** Required fields are missing. */
export function lacking(names: string): Malformed {
  return malformed(
    `expected text in the fields ${names} of the Google key file, found less; create a new key file`,
  );
}
