/**
 * The message about an error in this program that stopped the work on an object. Omits the text of the error, because
 * it may quote the object.
 */
export function failureMessage(what: string, error: unknown): string {
  const kind = error instanceof Error ? error.name : typeof error;
  return `the controller failed to process ${what} because of an error in its own code (${kind})`;
}
