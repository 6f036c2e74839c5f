import { SecretValue } from '../../credential/index.ts';
import { readObject } from '../../text/index.ts';
import { type Exchange, FORM, refusal } from '../exchange.ts';
import { secondsAfter } from '../token-expiration.ts';
import type { RsaKey } from './rsa-key.ts';

/** The endpoint at which Google issues access tokens. */
export const TOKEN_URI = 'https://oauth2.googleapis.com/token';
const READ_SCOPE =
  'https://www.googleapis.com/auth/devstorage.read_only https://www.googleapis.com/auth/cloud-platform';

/** The user name that is used with an access token as the password. */
export const ACCESS_TOKEN_USER = 'oauth2accesstoken';

/**
 * Requests an access token with a JSON Web Token that the key of the service account signs. The key itself is not sent:
 * developers.google.com/identity/protocols/oauth2/service-account#httprest.
 */
export function jwtExchange(email: string, key: RsaKey, keyId: string): Exchange {
  return {
    request(now) {
      const issued = Math.floor(now / 1_000);
      const claims = { iss: email, scope: READ_SCOPE, aud: TOKEN_URI, iat: issued, exp: issued + 300 };
      const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const signed = `${encode({ alg: 'RS256', typ: 'JWT', kid: keyId })}.${encode(claims)}`;
      const body = new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: `${signed}.${key.sign(signed).toString('base64url')}`,
      });
      return {
        url: new URL(TOKEN_URI),
        headers: { 'content-type': FORM },
        body: new SecretValue(body.toString()),
      };
    },
    read({ status, body }, now) {
      if (status !== 200) return refusal(status);
      const { access_token: token, expires_in: lasts } = readObject(body) ?? {};
      if (typeof token !== 'string' || token === '') return { result: 'BadReply' };
      const expiresAt = secondsAfter(now, lasts);
      if (expiresAt === undefined && typeof lasts === 'number') return { result: 'BadReply' };
      const credential = {
        kind: 'basic',
        username: new SecretValue(ACCESS_TOKEN_USER),
        password: new SecretValue(token),
      } as const;
      return { result: 'Login', credential, expiresAt };
    },
  };
}
