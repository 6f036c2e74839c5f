import type { SecretValue } from './secret-value.ts';

/**
 * The credential in an entry of a pull secret. All fields are secret. This includes the user name, because some
 * registries accept the token there. `publicUsername` of `src/platform` decides which user names may be published.
 */
export type Credential =
  /** User name (never empty) and password (may be empty), as in HTTP basic authentication. */
  | { readonly kind: 'basic'; readonly username: SecretValue; readonly password: SecretValue }
  /** An OAuth2 refresh token, Docker's `identitytoken`. The user name may be empty. */
  | { readonly kind: 'identityToken'; readonly username: SecretValue; readonly token: SecretValue }
  /** A bearer token that is sent to the registry unchanged, Docker's `registrytoken`. */
  | { readonly kind: 'registryToken'; readonly token: SecretValue };
