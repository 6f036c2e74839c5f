import { hasReason, KubeError, OutOfDate } from '../kube/index.ts';

/**
 * Removes the API server's text from the error of a Secret write, because it may quote the Secret's data. That text
 * must appear nowhere, not even in the log (docs/adr/0005).
 *
 * @param key - `namespace/name` of the Secret
 */
export function secretWriteError(error: unknown, key: string): unknown {
  if (hasReason(error, 'Conflict', 'AlreadyExists', 'NotFound'))
    return new OutOfDate(`Secret ${key} has changed since it was observed`);
  if (!(error instanceof KubeError)) return error;
  const { status, reason, retryAfterSeconds, unsent } = error;
  const message = `writing Secret ${key} failed: ${reason} (${status})`;
  return new KubeError(message, { status, reason, retryAfterSeconds, unsent });
}
