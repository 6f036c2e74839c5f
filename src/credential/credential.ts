import type { SecretValue } from './secret-value.ts';

/**
 * What an entry of a pull secret holds for a registry. Everything in it is secret, also the user name, because some
 * registries take the token there. `publicUsername` of `src/platform` says which user names may be published.
 */
export type Credential =
  /** User name (never empty) and password (may be empty), as in HTTP basic authentication. */
  | { readonly kind: 'basic'; readonly username: SecretValue; readonly password: SecretValue }
  /** An OAuth2 refresh token, Docker's `identitytoken`; the user name beside it may be empty. */
  | { readonly kind: 'identityToken'; readonly username: SecretValue; readonly token: SecretValue }
  /** A bearer token that is shown to the registry as it is, Docker's `registrytoken`. */
  | { readonly kind: 'registryToken'; readonly token: SecretValue };
