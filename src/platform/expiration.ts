import type { Credential } from '../credential/index.ts';
import type { PlatformDefinition } from './platform.ts';
import type { SourceCredential } from './platform-credential.ts';
import { PLATFORMS } from './platforms.ts';
import { jwtExpirationOf } from './token-expiration.ts';

/**
 * Cached, because reading a token may take a millisecond and a reconcile does it several times. A credential is
 * immutable.
 */
const known = new WeakMap<Credential, { readonly expiration: number | undefined }>();

/**
 * When a credential expires, according to the credential itself: a token in a format that a platform knows, a JSON Web
 * Token with `exp` (RFC 7519, 4.1.4), or a Secret with that time. The time is not verified in any other way.
 *
 * @returns milliseconds since 1970; `undefined`: the credential does not say
 */
export function expirationOf(credential: SourceCredential): number | undefined {
  if (credential.kind !== 'platform') return expirationOfLogin(credential);
  const { expires } = credential;
  return typeof expires === 'object' ? expirationOfLogin(expires) : expires;
}

function expirationOfLogin(login: Credential): number | undefined {
  const read = known.get(login) ?? { expiration: readExpiration(login) };
  known.set(login, read);
  return read.expiration;
}

function readExpiration(login: Credential): number | undefined {
  const platforms: readonly PlatformDefinition[] = PLATFORMS;
  for (const platform of platforms) {
    const expiration = platform.expirationOfLogin?.(login);
    if (expiration !== undefined) return expiration;
  }
  return jwtExpirationOf(login);
}
