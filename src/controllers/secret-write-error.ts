import { asOutOfDate, KubeError } from '../kube/index.ts';

/**
 * Removes the API server's text from the error of a Secret write, because it may quote the Secret's data. That text
 * must appear nowhere, not even in the log (docs/adr/0005).
 *
 * @param key - `namespace/name` of the Secret
 */
export function secretWriteError(error: unknown, key: string): unknown {
  const changed = `Secret ${key} has changed since it was observed`;
  const failure = asOutOfDate(error, ['Conflict', 'AlreadyExists', 'NotFound'], changed);
  if (!(failure instanceof KubeError)) return failure;
  const { status, reason, retryAfterSeconds, unsent } = failure;
  const message = `writing Secret ${key} failed: ${reason} (${status})`;
  return new KubeError(message, { status, reason, retryAfterSeconds, unsent });
}
