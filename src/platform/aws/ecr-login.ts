import { type Credential, decodeBase64 } from '../../credential/index.ts';
import { readObject } from '../../text/index.ts';
import { fromSeconds, tokenOf } from '../token-expiration.ts';

/** The user name of all ECR logins: docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html. */
export const ECR_USER = 'AWS';

/**
 * When a login of ECR expires, in milliseconds since 1970. Its password is base64 of JSON with `expiration`. `undefined`
 * for any other login.
 */
export function expirationOfEcrLogin(login: Credential): number | undefined {
  if (login.kind !== 'basic' || login.username.reveal() !== ECR_USER) return undefined;
  const password = tokenOf(login);
  const bytes = password === undefined ? undefined : decodeBase64(password);
  return bytes && fromSeconds(readObject(bytes.toString())?.['expiration']);
}
