import { createHash } from 'node:crypto';
import type { Login } from '../answer/index.ts';
import type { SecretData } from './raw-secret.ts';

/** What a Trivy secret notes about a login that a cloud gave, so that a restart asks for none. */
export interface LoginNote extends Pick<Login, 'since' | 'ends'> {
  /** The version of the Secret that it was given for. */
  readonly source: string;
}

/** Tokens are long and random, so that their hash gives nothing away; it tells whether somebody has changed them. */
export function writeNote({ source, since, ends }: LoginNote, data: SecretData): string {
  return JSON.stringify({ source, since, ends, sha256: hashOf(data) });
}

/** Our own records are shorter: a version, two times and a hash. */
const LONGEST_NOTE = 512;

export function readNote(text: string | undefined, data: SecretData): LoginNote | undefined {
  if (text === undefined || text.length > LONGEST_NOTE) return undefined;
  try {
    const { source, since, ends, sha256 }: Record<string, unknown> = Object(JSON.parse(text));
    if (typeof source !== 'string' || !isTime(since) || sha256 !== hashOf(data)) return undefined;
    if (ends !== undefined && !isTime(ends)) return undefined;
    return { source, since, ends };
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
