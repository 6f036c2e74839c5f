import type { Credential } from '../credential/index.ts';
import type { RegistryAnswer } from './registry-answer.ts';

/** What came of an exchange: a login, or why there is none. Refusals and failures are those of the cloud (`at: token`). */
export type LoginAnswer =
  /** `ends` in milliseconds since 1970, where the cloud says so. */
  | { readonly result: 'Login'; readonly credential: Credential; readonly ends: number | undefined }
  | Extract<RegistryAnswer, { readonly result: 'Denied' | 'RateLimited' | 'Unreachable' }>;

/** What a cloud said when it was asked for a login. Times are in milliseconds since 1970. */
export interface KnownLogin {
  readonly answer: LoginAnswer | Extract<RegistryAnswer, { readonly result: 'NotAllowed' }>;
  readonly askedAt: number;
  /** From then on the cloud is asked again: a login is renewed when two thirds of its time are over. */
  readonly askAgainAt: number;
}

/** A login as it can be handed on. */
export interface Login {
  readonly credential: Credential;
  /** Since when it holds, and until when; undefined: it does not end. In milliseconds since 1970. */
  readonly since: number;
  readonly ends: number | undefined;
}

/** At which part of its time a login is renewed. */
const RENEWED_AT = 2 / 3;

/** When a login is to be renewed, in milliseconds since 1970. */
export function renewalOf({ since, ends }: Pick<Login, 'since' | 'ends'>): number {
  return ends === undefined ? Number.POSITIVE_INFINITY : since + (ends - since) * RENEWED_AT;
}
