import type { Credential } from '../credential/index.ts';
import type { EnvVar } from '../object/index.ts';
import type { PlatformCredential } from './platform-credential.ts';
import type { Malformed, SecretContent } from './secret-fields.ts';

/**
 * A kind of registry: its hosts, its Secrets, and how Trivy authenticates to it. Each platform has its own folder, and a
 * line in the list of `platforms.ts`.
 */
export interface PlatformDefinition<Name extends string = string> {
  /** As in `status.platform`. */
  readonly name: Name;
  /** Whether a registry host, as in a canonical image reference but in lower case, belongs to this platform. */
  owns(host: string): boolean;
  /** The environment that disables the credentials that Trivy would prefer to the delivered login. */
  readonly off: readonly EnvVar[];
  /** User names in the platform's public documentation, which reveal nothing about a Secret. */
  readonly publicUsernames: readonly string[];
  /** Reads a Secret that is not a pull secret. `undefined`: the Secret has no key of this platform's credentials. */
  readSecret(secret: SecretContent): PlatformCredential | Malformed | undefined;
  /**
   * When a login expires, in milliseconds since 1970, if its token has a format of this platform. `undefined`: the token
   * has another format, or does not say. JSON Web Tokens are not read here, but in `expirationOf`.
   */
  expirationOfLogin?(login: Credential): number | undefined;
}
