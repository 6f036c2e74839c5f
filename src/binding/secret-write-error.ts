import { hasReason, KubeError } from '../kube/index.ts';
import { OutOfDate } from './out-of-date.ts';

/**
 * The error of a write of a Secret without the text of the API server's answer, which may quote the Secret's data: it
 * goes nowhere, not even into the log (docs/adr/0005).
 *
 * @param key - `namespace/name` of the Secret
 */
export function secretWriteError(error: unknown, key: string): unknown {
  if (hasReason(error, 'Conflict', 'AlreadyExists', 'NotFound'))
    return new OutOfDate(`Secret ${key} has changed since it was observed`);
  if (!(error instanceof KubeError)) return error;
  const { status, reason, retryAfterSeconds, unsent } = error;
  const message = `the API server did not carry out a write of Secret ${key}: ${reason} (${status})`;
  return new KubeError(message, { status, reason, retryAfterSeconds, unsent });
}
