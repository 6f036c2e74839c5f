import { type Credential, decodeBase64 } from '../credential/index.ts';
import { readObject } from './exchange.ts';

/**
 * Cached, because reading a token may take a millisecond and a reconcile does it several times. A credential is
 * immutable.
 */
const known = new WeakMap<Credential, { readonly ends: number | undefined }>();
/** Whoever issues tokens bounds them, and this program reads nothing longer. */
const MAX_TOKEN = 64 * 1024;
const JWT = /^[\w-]+\.(?<claims>[\w-]+)\.[\w-]+$/;

/**
 * When a credential ends, where it says so itself: the password of ECR's `AWS` user, which is base64 of JSON with
 * `expiration`, and JSON Web Tokens with `exp` (RFC 7519, 4.1.4), such as ACR's. Nothing vouches for it but the credential.
 *
 * @returns milliseconds since 1970
 */
export function endOfLogin(credential: Credential): number | undefined {
  const read = known.get(credential) ?? { ends: readEnd(credential) };
  known.set(credential, read);
  return read.ends;
}

function readEnd(credential: Credential): number | undefined {
  const token = tokenIn(credential);
  if (token.length > MAX_TOKEN) return undefined;
  const isEcr = credential.kind === 'basic' && credential.username.reveal() === 'AWS';
  return (isEcr ? ecrEnd(token) : undefined) ?? jwtEnd(token);
}

/** When a JSON Web Token ends, in milliseconds since 1970; undefined for any other text. */
export function jwtEnd(token: string): number | undefined {
  const claims = JWT.exec(token)?.groups?.['claims'];
  return claims === undefined
    ? undefined
    : seconds(readObject(Buffer.from(claims, 'base64url').toString())?.['exp']);
}

/** Seconds since 1970 as milliseconds; undefined for what is no time of our days. */
export function seconds(value: unknown): number | undefined {
  const plausible = typeof value === 'number' && value > 0 && value <= LAST_SECOND;
  return plausible ? Math.floor(value * 1_000) : undefined;
}

/** A time plus seconds, in milliseconds since 1970; undefined if the result is not a plausible time. */
export function secondsAfter(now: number, value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 ? seconds(now / 1_000 + value) : undefined;
}

/** Of the year 9999: RFC 3339 can write no later time. */
const LAST_SECOND = 253_402_300_799;

function ecrEnd(password: string): number | undefined {
  const bytes = decodeBase64(password);
  return bytes && seconds(readObject(bytes.toString())?.['expiration']);
}

function tokenIn(credential: Credential): string {
  return (credential.kind === 'basic' ? credential.password : credential.token).reveal();
}
