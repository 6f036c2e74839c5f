import type { SecretValue } from './secret-value.ts';

/**
 * What an entry of a pull secret holds for a registry. Everything in it is a secret, the user name too: some
 * registries take the token there. {@link publicUsername} tells the names that may be shown.
 */
export type Credential =
  /** User name (never empty) and password (may be empty), as in HTTP basic authentication. */
  | { readonly kind: 'basic'; readonly username: SecretValue; readonly password: SecretValue }
  /** An OAuth2 refresh token, Docker's `identitytoken`; the user name beside it may be empty. */
  | { readonly kind: 'identityToken'; readonly username: SecretValue; readonly token: SecretValue }
  /** A bearer token that is shown to the registry as it is, Docker's `registrytoken`. */
  | { readonly kind: 'registryToken'; readonly token: SecretValue };

/** User names that a registry's documentation gives to everybody, so that they say nothing about a secret. */
const PUBLIC_USERNAMES: ReadonlySet<string> = new Set([
  // docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
  'AWS',
  // cloud.google.com/artifact-registry/docs/docker/authentication
  '_json_key',
  '_json_key_base64',
  'oauth2accesstoken',
  // learn.microsoft.com/azure/container-registry/container-registry-authentication
  '00000000-0000-0000-0000-000000000000',
  // org.ngc.nvidia.com/setup/api-keys
  '$oauthtoken',
  // cloud.ibm.com/docs/Registry?topic=Registry-registry_access
  'iamapikey',
]);

/** The user name, if it is one that everybody knows (`AWS`, `_json_key`, …) and may thus be published. */
export function publicUsername(credential: Credential): string | undefined {
  if (credential.kind === 'registryToken') {
    return undefined;
  }
  const username = credential.username.reveal();
  return PUBLIC_USERNAMES.has(username) ? username : undefined;
}
