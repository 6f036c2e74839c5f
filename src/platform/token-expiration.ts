import type { Credential } from '../credential/index.ts';
import { readObject } from '../text/index.ts';

/** In characters. Registries limit the length of their tokens, and the controller rejects longer ones. */
const MAX_TOKEN = 64 * 1024;
const JWT = /^[\w-]+\.(?<claims>[\w-]+)\.[\w-]+$/;
/** The end of the year 9999: RFC 3339 cannot express a later time. */
const LAST_SECOND = 253_402_300_799;

/** The password or token of a login; `undefined` if it is too long to be read. */
export function tokenOf(login: Credential): string | undefined {
  const token = (login.kind === 'basic' ? login.password : login.token).reveal();
  return token.length > MAX_TOKEN ? undefined : token;
}

/** When the JSON Web Token in a login expires, in milliseconds since 1970; `undefined` for any other login. */
export function jwtExpirationOf(login: Credential): number | undefined {
  const token = tokenOf(login);
  return token === undefined ? undefined : jwtExpiration(token);
}

/** When a JSON Web Token expires, in milliseconds since 1970; `undefined` for any other text. */
export function jwtExpiration(token: string): number | undefined {
  const claims = JWT.exec(token)?.groups?.['claims'];
  return claims === undefined
    ? undefined
    : fromSeconds(readObject(Buffer.from(claims, 'base64url').toString())?.['exp']);
}

/** Converts seconds since 1970 to milliseconds; `undefined` if the value is not a plausible time. */
export function fromSeconds(value: unknown): number | undefined {
  const plausible = typeof value === 'number' && value > 0 && value <= LAST_SECOND;
  return plausible ? Math.floor(value * 1_000) : undefined;
}

/** A time plus seconds, in milliseconds since 1970; `undefined` if the result is not a plausible time. */
export function secondsAfter(now: number, value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 ? fromSeconds(now / 1_000 + value) : undefined;
}
