import { type Keyring, keyring } from '../credential/index.ts';
import { type Stored, storedMeta } from '../object/index.ts';
import { type PlatformCredential, readOfferedSecret } from '../platform/index.ts';
import type { RawSecret } from './raw-secret.ts';

/** A Secret that is no pull secret, that its owner offers to registries, and a binding names. */
export interface CredentialSecret extends Stored {
  readonly content:
    | {
        readonly result: 'Offered';
        readonly hosts: readonly string[];
        readonly keyring: Keyring<PlatformCredential>;
      }
    | { readonly result: 'NotOffered' | 'Malformed'; readonly message: string }
    | { readonly result: 'Unknown' };
}

/** Reads a Secret that is no pull secret; one that cannot be used says so in its content. */
export function readCredentialSecret(object: RawSecret): CredentialSecret {
  const { type = 'Opaque', data, metadata } = object;
  const found = readOfferedSecret({ type, data: data ?? {} }, metadata.annotations ?? {});
  const content =
    found.result === 'Offered'
      ? { result: found.result, hosts: found.hosts, keyring: keyringOf(found.hosts, found.credential) }
      : found;
  return { ...storedMeta(object), content };
}

/** As an entry for each host, so that it stands in one order with those of pull secrets. */
function keyringOf(hosts: readonly string[], credential: PlatformCredential): Keyring<PlatformCredential> {
  return keyring(hosts.map((registryKey) => ({ registryKey, credential })));
}
