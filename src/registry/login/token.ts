import type { RegistryAnswer } from '../../answer/index.ts';
import type { Credential } from '../../credential/index.ts';
import { SecretValue } from '../../credential/index.ts';
import type { RegistryRequest, Reply } from '../http/index.ts';
import type { Challenge } from './challenge.ts';

export type BearerChallenge = Extract<Challenge, { readonly scheme: 'Bearer' }>;

const CLIENT_ID = 'image-credential-binding';
/** Maximum length of a token, in characters. */
export const MAX_TOKEN = 32 * 1024;
/** The characters that a header and a token may contain. */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/**
 * The request for a token that allows pulling: GET with basic authentication or without credentials
 * (distribution.github.io/distribution/spec/auth/token), or POST with a refresh token (…/spec/auth/oauth), which Docker calls
 * an identity token.
 */
export function tokenRequest(
  challenge: BearerChallenge,
  scope: string,
  credential: Exclude<Credential, { readonly kind: 'registryToken' }> | undefined,
): Pick<RegistryRequest, 'method' | 'url' | 'headers' | 'body'> {
  const url = new URL(challenge.realm);
  url.hash = '';
  const { service } = challenge;
  const parameters = { ...(service === undefined ? {} : { service }), scope };
  if (credential?.kind === 'identityToken') {
    const refresh = { grant_type: 'refresh_token', refresh_token: credential.token.reveal() };
    return {
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams({ ...refresh, client_id: CLIENT_ID, ...parameters }).toString(),
    };
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.append(name, value);
  const authorization = credential === undefined ? {} : { authorization: basicAuthorization(credential) };
  return { method: 'GET', url, headers: { accept: 'application/json', ...authorization } };
}

/**
 * The token in a token server's answer, or the result of the check if there is no token. Some servers refuse with `400`
 * (RFC 6749, 5.2).
 */
export function readTokenReply(
  reply: Reply,
  request: Pick<RegistryRequest, 'method'>,
): SecretValue | RegistryAnswer {
  const { status } = reply;
  if (status === 200)
    return parseToken(reply.body) ?? { result: 'Unreachable', why: 'BadToken', at: 'token' };
  // A server without the OAuth2 endpoint cannot use an identity token.
  const refusals = request.method === 'POST' ? [400, 401, 403, 404, 405] : [400, 401, 403];
  if (refusals.includes(status)) return { result: 'Denied', httpCode: status, at: 'token' };
  const why = status >= 300 && status < 400 ? 'RedirectRefused' : 'UnexpectedStatus';
  return { result: 'Unreachable', why, at: 'token', httpCode: status };
}

/** The value of `Authorization` for a user name and a password (RFC 7617, in UTF-8). */
export function basicAuthorization({
  username,
  password,
}: Extract<Credential, { readonly kind: 'basic' }>): string {
  return `Basic ${Buffer.from(`${username.reveal()}:${password.reveal()}`).toString('base64')}`;
}

/** The value of `Authorization` for a token; undefined: a header cannot contain it. */
export function bearerAuthorization(token: SecretValue): string | undefined {
  const value = token.reveal();
  return value.length <= MAX_TOKEN && VISIBLE_ASCII.test(value) ? `Bearer ${value}` : undefined;
}

function parseToken(body: string): SecretValue | undefined {
  try {
    const reply: unknown = JSON.parse(body);
    if (typeof reply !== 'object' || reply === null) return undefined;
    const { token, access_token: accessToken } = reply as { token?: unknown; access_token?: unknown };
    const value = typeof token === 'string' && token !== '' ? token : accessToken;
    return typeof value === 'string' ? new SecretValue(value) : undefined;
  } catch {
    return undefined;
  }
}
