import type { Credential, SecretValue } from '../credential/index.ts';

/** How a cloud gives a login for a long-lived credential: one request, and what its answer means. No I/O. */
export interface Exchange {
  /**
   * @param now - milliseconds since 1970, because signatures include their time
   * @throws SigningError if the key cannot sign
   */
  request(now: number): ExchangeRequest;
  /** What an answer means; of a status but 200 too. It never throws, whatever the body. */
  read(reply: ExchangeReply, now: number): ExchangeStep;
}

/** The private key of a credential cannot sign, so its owner has to replace it. */
export class SigningError extends Error {
  override readonly name = 'SigningError';
}

/** Always a POST, over TLS. */
interface ExchangeRequest {
  /** Of a place that the cloud has fixed; nothing in a Secret chooses the host. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Signatures and tokens: they open doors. */
  readonly authorization?: SecretValue;
  readonly body: SecretValue;
}

export interface ExchangeReply {
  readonly status: number;
  readonly body: string;
}

export type ExchangeStep =
  /** `ends` in milliseconds since 1970, where the cloud says so. */
  | { readonly result: 'Login'; readonly credential: Credential; readonly ends: number | undefined }
  /** There is another request to make. */
  | { readonly result: 'Next'; readonly exchange: Exchange }
  /** The cloud does not take the credential. */
  | { readonly result: 'Refused' }
  | { readonly result: 'Busy' }
  /** Not what the cloud's documentation promises. */
  | { readonly result: 'BadReply' };

export const FORM = 'application/x-www-form-urlencoded';

/** An object in a body; undefined where it is none. The parser's own error quotes the text, and is dropped. */
export function readObject(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a status without a login means, where the cloud's answer says no more. */
export function refusal(status: number): ExchangeStep {
  return { result: status === 400 || status === 401 || status === 403 ? 'Refused' : 'BadReply' };
}
