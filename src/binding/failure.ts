/** Says that an error in this program stopped the work on an object. It holds no text of the error, which may quote the object. */
export function failureMessage(what: string, error: unknown): string {
  const kind = error instanceof Error ? error.name : typeof error;
  return `the controller failed to process ${what} because of an error in its own code (${kind})`;
}
