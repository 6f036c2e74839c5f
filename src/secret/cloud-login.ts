import { createHash } from 'node:crypto';
import type { Login } from '../answer/index.ts';
import type { SecretData } from './raw-secret.ts';

/** What a Trivy Secret records about the login in it, so that a restarted controller does not request another one. */
export interface LoginRecord extends Pick<Login, 'since' | 'expiresAt'> {
  /** The resource version of the source Secret for which the cloud issued the login. */
  readonly source: string;
}

/**
 * Formats a record with a hash of the data, which shows whether another client has changed the login. The hash reveals
 * nothing, because tokens are long and random.
 */
export function formatLoginRecord({ source, since, expiresAt }: LoginRecord, data: SecretData): string {
  return JSON.stringify({ source, since, expires: expiresAt, sha256: hashOf(data) });
}

/** In characters. A record of the controller is shorter: a version, two times and a hash. */
const LONGEST_RECORD = 512;

/** undefined: there is no record that the controller could have written for this data. */
export function parseLoginRecord(text: string | undefined, data: SecretData): LoginRecord | undefined {
  if (text === undefined || text.length > LONGEST_RECORD) return undefined;
  try {
    const { source, since, expires: expiresAt, sha256 }: Record<string, unknown> = Object(JSON.parse(text));
    if (typeof source !== 'string' || !isTime(since) || sha256 !== hashOf(data)) return undefined;
    if (expiresAt !== undefined && !isTime(expiresAt)) return undefined;
    return { source, since, expiresAt };
  } catch {
    return undefined;
  }
}

/** Whether a value in milliseconds since the epoch can be written as an RFC 3339 time. `1e400` cannot. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= LAST_TIME;
}

/** The end of the year 9999. */
const LAST_TIME = 253_402_300_799_999;

function hashOf(data: SecretData): string {
  const files = Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(files)).digest('hex');
}
