import type { Credential } from '../credential/index.ts';
import type { RegistryAnswer } from './registry-answer.ts';

/**
 * The result of an exchange: a login, or why there is none. Refusals and failures come from the cloud, so their `at` is
 * `token`.
 */
export type LoginAnswer =
  /** `expiresAt`: when the login expires, in milliseconds since 1970. undefined: the cloud does not say. */
  | { readonly result: 'Login'; readonly credential: Credential; readonly expiresAt: number | undefined }
  | Extract<RegistryAnswer, { readonly result: 'Denied' | 'RateLimited' | 'Unreachable' }>;

/** The answer to the last request for a login. Times are in milliseconds since 1970. */
export interface KnownLogin {
  readonly answer: LoginAnswer | Extract<RegistryAnswer, { readonly result: 'NotAllowed' }>;
  readonly requestedAt: number;
  /** When to request a new login. If the answer is a login, this is after two-thirds of its lifetime. */
  readonly freshUntil: number;
}

/** A login that a cloud has issued. */
export interface Login {
  readonly credential: Credential;
  /** When it was issued, in milliseconds since 1970. */
  readonly since: number;
  /** When it expires, in milliseconds since 1970; undefined: never. */
  readonly expiresAt: number | undefined;
}

/** A login is renewed after this part of its lifetime. */
const RENEWAL_FRACTION = 2 / 3;

/** When to renew a login, in milliseconds since 1970. */
export function renewalOf({ since, expiresAt }: Pick<Login, 'since' | 'expiresAt'>): number {
  return expiresAt === undefined ? Number.POSITIVE_INFINITY : since + (expiresAt - since) * RENEWAL_FRACTION;
}
