import { type Keyring, keyring } from '../credential/index.ts';
import { type Stored, storedMeta } from '../object/index.ts';
import { type PlatformCredential, readCredential } from '../platform/index.ts';
import type { RawSecret } from './raw-secret.ts';

/**
 * A credential Secret is not a pull secret, but has a credential for a cloud or registry. In an annotation, its owner lists
 * the registries that may receive the credential.
 */
export interface CredentialSecret extends Stored {
  readonly content:
    | {
        readonly result: 'Credential';
        readonly hosts: readonly string[];
        readonly keyring: Keyring<PlatformCredential>;
      }
    | { readonly result: 'NotAnnotated' | 'Malformed'; readonly message: string }
    | { readonly result: 'Unknown'; readonly message?: string };
}

/** Reads a credential Secret. If it cannot be used, its content says why. */
export function readCredentialSecret(object: RawSecret): CredentialSecret {
  const { type = 'Opaque', data, metadata } = object;
  const found = readCredential({ type, data: data ?? {} }, metadata.annotations ?? {});
  const content =
    found.result === 'Credential'
      ? {
          result: 'Credential' as const,
          hosts: found.hosts,
          keyring: keyringOf(found.hosts, found.credential),
        }
      : found;
  return { ...storedMeta(object), content };
}

/** Has an entry for each host, so that entries of credential Secrets and pull secrets are sorted together. */
function keyringOf(hosts: readonly string[], credential: PlatformCredential): Keyring<PlatformCredential> {
  return keyring(hosts.map((registryKey) => ({ registryKey, credential })));
}
