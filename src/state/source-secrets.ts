import type { Stored } from '../object/index.ts';
import type { Stores } from './stores.ts';

/** The metadata of the pull secret with this key, of either type; undefined: there is none. */
export function pullSecretIn(stores: Stores, key: string): Stored | undefined {
  return stores.pullSecrets.get(key) ?? stores.dockercfgSecrets.get(key);
}

/** The metadata of the pull secret or credential Secret with this key; undefined: there is none. */
export function sourceIn(stores: Stores, key: string): Stored | undefined {
  const other = stores.otherSecrets.get(key);
  return pullSecretIn(stores, key) ?? (other?.isCredentialSecret === true ? other : undefined);
}

/**
 * Whether the content of the Secret with this key is needed: a binding names it, or a Trivy Secret was made from it.
 */
export function isSourceWanted({ bindings, trivySecrets }: Stores, key: string): boolean {
  return bindings.isIndexed('pullSecret', key) || trivySecrets.isIndexed('source', key);
}
