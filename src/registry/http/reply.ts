import type { Dispatcher } from 'undici';
import type { UnreachableReason } from '../../answer/index.ts';
import type { Reply } from './request.ts';

/**
 * Limit on a body that is read, in bytes. Parsing a body blocks the event loop, and 1 MiB of JSON can take 100 ms. Tokens and
 * errors have a few KiB.
 */
const MAX_BODY = 128 * 1024;
/** Limit on a body that is read and dropped so that the connection can be reused, in bytes. */
const MAX_UNREAD_BODY = 16 * 1024;

/** Thrown if an answer cannot be read to its end, with the reason. */
export class ReplyError extends Error {
  readonly why: UnreachableReason;

  constructor(why: UnreachableReason) {
    super(why);
    this.why = why;
  }
}

/**
 * The body as text.
 *
 * @throws ReplyError `TooLarge`
 */
export async function readText(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    // A Readable without an encoding yields Buffers.
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size > MAX_BODY) throw new ReplyError('TooLarge');
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Drops a body. If `Content-Length` is small, reads the body to its end, so that the connection can be reused. */
export async function discard(
  body: Dispatcher.ResponseData['body'],
  headers: Dispatcher.ResponseData['headers'],
  signal: AbortSignal,
): Promise<''> {
  const length = Number(headers['content-length'] ?? Number.NaN);
  if (length <= MAX_UNREAD_BODY) await body.dump({ limit: MAX_UNREAD_BODY, signal });
  else body.on('error', () => undefined).destroy();
  return '';
}

/** The headers with each value in a list. */
export function listed(headers: Dispatcher.ResponseData['headers']): Reply['headers'] {
  const all: Record<string, readonly string[]> = Object.create(null);
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) all[name] = typeof value === 'string' ? [value] : value;
  }
  return all;
}

const LABELED_STATUSES: ReadonlySet<number> = new Set([
  200, 400, 401, 403, 404, 405, 429, 500, 502, 503, 504,
]);

/** The status as a metric label: the status itself if it is one of a few, otherwise its class (`2xx`). */
export function codeLabel(status: number): string {
  return LABELED_STATUSES.has(status) ? String(status) : `${Math.floor(status / 100)}xx`;
}
