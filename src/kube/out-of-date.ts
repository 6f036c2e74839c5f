import { hasReason, type KubeErrorReason } from './errors.ts';

/** The object changed after it was observed, so the decision is out of date and has to be made again. */
export class OutOfDate extends Error {
  override readonly name = 'OutOfDate';
}

/**
 * Converts the error of a write to {@link OutOfDate} if it shows that the object changed. Returns any other error
 * unchanged.
 *
 * @param reasons - the reasons that show this for the kind of write
 * @param message - undefined: the message of the error, which may quote the object
 */
export function asOutOfDate(error: unknown, reasons: readonly KubeErrorReason[], message?: string): unknown {
  return hasReason(error, ...reasons) ? new OutOfDate(message ?? error.message) : error;
}
