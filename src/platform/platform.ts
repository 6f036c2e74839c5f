import type { Credential } from '../credential/index.ts';
import type { EnvVar } from '../object/index.ts';
import type { PlatformCredential } from './platform-credential.ts';
import type { Malformed, SecretContent } from './secret-fields.ts';

/**
 * A kind of registry: its hosts, the Secrets that it reads, and how Trivy authenticates to it. Each platform is a folder
 * of its own and a line in the list of `platforms.ts`.
 */
export interface PlatformDefinition<Name extends string = string> {
  /** As in `status.platform`. */
  readonly name: Name;
  /** Whether a registry host, as in a canonical image reference, belongs to this platform. */
  owns(host: string): boolean;
  /** The environment that disables what Trivy would otherwise prefer to the login that is delivered to it. */
  readonly off: readonly EnvVar[];
  /** User names that the platform's documentation gives to everybody, so that they reveal nothing about a Secret. */
  readonly publicUsernames: readonly string[];
  /** Reads a Secret that is not a pull secret. `undefined`: it has none of the keys of this platform's credentials. */
  readSecret(secret: SecretContent): PlatformCredential | Malformed | undefined;
  /**
   * When a login expires, in milliseconds since 1970, where its token has a format of this platform. `undefined`: its
   * token has another format, or does not say. JSON Web Tokens are read for all platforms.
   */
  expirationOfLogin?(login: Credential): number | undefined;
}
