import type { ImageReference } from '../image/index.ts';
import type { Credential } from './credential.ts';
import type { KeyringEntry } from './docker-config.ts';
import { matches, parseRegistryKey, type RegistryKey } from './registry-key.ts';

/** The entries of one pull secret, under the secret's name. */
export interface NamedEntries {
  readonly name: string;
  readonly entries: readonly KeyringEntry[];
}

/** A credential that fits an image, and where it stands. */
export interface Candidate {
  /** The name of the pull secret. */
  readonly secret: string;
  /** The entry's key as it is written there. */
  readonly registryKey: string;
  readonly credential: Credential;
}

/** The entries of several pull secrets as one; made by {@link keyring}, asked by {@link lookup}. */
export interface Keyring {
  /** In the order in which they are tried. */
  readonly rows: readonly Row[];
}

interface Row {
  readonly key: RegistryKey;
  readonly candidate: Candidate;
}

const DOCKER_HUB = 'docker.io';

/**
 * Hosts whose entries serve Docker Hub's images where no key fits them, the first that has any. The kubelet knows
 * the first alone; the second is the host that Docker Hub's registry itself has.
 */
const DOCKER_HUB_FALLBACKS = ['index.docker.io', 'registry-1.docker.io'];

/**
 * Joins the entries of a binding's pull secrets, given in the binding's order. As in the kubelet they are sorted by
 * key in reverse byte order over all secrets, so that of two keys that fit, the longer path comes first; equal
 * keys stay in the order of the secrets, and within one in the order of its file.
 */
export function keyring(secrets: readonly NamedEntries[]): Keyring {
  const rows = secrets.flatMap(({ name, entries }) => entries.flatMap((entry) => row(name, entry)));
  return { rows: rows.sort((a, b) => compareBytes(b.key.canonical, a.key.canonical)) };
}

function row(secret: string, { registryKey, credential }: KeyringEntry): readonly Row[] {
  const key = parseRegistryKey(registryKey);
  return key === undefined ? [] : [{ key, candidate: { secret, registryKey, credential } }];
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/**
 * All credentials that fit an image, in the order in which they are to be tried, by the rules of `Lookup` in
 * k8s.io/kubernetes/pkg/credentialprovider/keyring.go: every key that matches, and for Docker Hub, where none does,
 * the entries of its older name.
 *
 * No credential is found for a host that its key does not name. The kubelet offers Docker Hub's to `localhost` and
 * to hosts without a dot; this does not.
 */
export function lookup(keyring: Keyring, image: ImageReference): readonly Candidate[] {
  const fitting = candidates(keyring, (key) => matches(key, image));
  if (fitting.length > 0 || image.host !== DOCKER_HUB) {
    return fitting;
  }
  return (
    DOCKER_HUB_FALLBACKS.map((host) => candidates(keyring, (key) => key.canonical === host)).find(
      (found) => found.length > 0,
    ) ?? []
  );
}

function candidates(keyring: Keyring, wanted: (key: RegistryKey) => boolean): readonly Candidate[] {
  return keyring.rows.filter(({ key }) => wanted(key)).map(({ candidate }) => candidate);
}
