import type { Credential, SecretValue } from '../credential/index.ts';

/** How a cloud exchanges a long-lived credential for a login: one request, and the interpretation of its reply. No I/O. */
export interface Exchange {
  /**
   * @param now - milliseconds since 1970, because signatures include their time
   * @throws SigningError if the key cannot sign
   */
  request(now: number): ExchangeRequest;
  /** Interprets a reply, including one with a status other than 200. Never throws, whatever the body contains. */
  read(reply: ExchangeReply, now: number): ExchangeStep;
}

/** The private key of a credential cannot sign, so its owner must replace it. */
export class SigningError extends Error {
  override readonly name = 'SigningError';
}

/** Always a POST, over TLS. */
interface ExchangeRequest {
  /** An endpoint that the cloud defines. The content of a Secret cannot choose the host. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** A signature or a token, which gives access like a password. */
  readonly authorization?: SecretValue;
  readonly body: SecretValue;
}

export interface ExchangeReply {
  readonly status: number;
  readonly body: string;
}

export type ExchangeStep =
  /** `expiresAt`: when the login expires, in milliseconds since 1970; undefined: the cloud does not say. */
  | { readonly result: 'Login'; readonly credential: Credential; readonly expiresAt: number | undefined }
  /** The exchange needs another request. */
  | { readonly result: 'Next'; readonly exchange: Exchange }
  /** The cloud does not accept the credential. */
  | { readonly result: 'Refused' }
  | { readonly result: 'Busy' }
  /** The reply differs from the cloud's documentation. */
  | { readonly result: 'BadReply' };

/** The media type of a form, which OAuth 2.0 requires for token requests. */
export const FORM = 'application/x-www-form-urlencoded';

/** The meaning of a reply without a login, according to its status alone. */
export function refusal(status: number): ExchangeStep {
  return { result: status === 400 || status === 401 || status === 403 ? 'Refused' : 'BadReply' };
}
