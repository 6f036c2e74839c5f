import { type Malformed, malformed } from '../secret-fields.ts';

/** The JSON object of a Google key file. */
export type Document = Readonly<Record<string, unknown>>;

/** The values of these fields; `undefined` if any of them is missing, empty, or not a string. */
export function texts<const Name extends string>(
  document: Document,
  names: readonly Name[],
): Record<Name, string> | undefined {
  const found = names.flatMap((name) => {
    const value = document[name];
    return typeof value === 'string' && value !== '' ? [[name, value] as const] : [];
  });
  // The lengths are equal only if each name has a value.
  return found.length === names.length ? (Object.fromEntries(found) as Record<Name, string>) : undefined;
}

/** The problem of a key file with a field that would send the key to an endpoint other than Google's. */
export function unexpectedEndpoint(name: string, expected: string): Malformed {
  return malformed(
    `expected ${expected} in the field ${name} of the Google key file, because the controller sends the key to no ` +
      'other endpoint, found a different URL; create a new key file',
  );
}

/** The problem of a key file without some required fields. */
export function missingFields(names: string): Malformed {
  return malformed(
    `expected text in the fields ${names} of the Google key file, found a field without text; create a new key file`,
  );
}
