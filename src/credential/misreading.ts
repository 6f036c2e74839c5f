import { isDeepStrictEqual } from 'node:util';
import type { ImageReference } from '../image/index.ts';
import { quoted } from '../text/index.ts';
import type { Credential } from './credential.ts';
import { DOCKER_HUB, DOCKER_HUB_LEGACY } from './keyring.ts';
import { hostOf, type TrivyEntry, type TrivyFile, UNKNOWN_URL } from './trivy-file.ts';

/** The key under which Trivy looks up Docker Hub. For other registries, the key is the host. */
export const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';

/** Why Trivy would not send a chosen credential. */
export interface Misreading {
  /**
   * `File`: it rejects the file. `Helper`: it runs a program. `NotFound`: it finds no entry. `KeyForm`: a key has an unusual
   * form, so it is not known whether Trivy finds that entry. `OtherEntry`: it may use an entry with another credential, or
   * with none. `Token`: it sends the token of the entry.
   */
  readonly cause: 'File' | 'Helper' | 'NotFound' | 'KeyForm' | 'OtherEntry' | 'Token';
  /** A clause about Trivy. Contains no value of the Secret. */
  readonly message: string;
}

/**
 * Whether Trivy sends exactly this credential when it pulls the image with the whole file as its Docker configuration;
 * undefined: it does. The look-ups are those of `Resolve` in github.com/google/go-containerregistry v0.21.9, pkg/authn, and of
 * `fileStore.Get` in github.com/docker/cli v29.7.2, cli/config/credentials. For each key, `host/repository` and then `host`:
 *
 * | the file | Trivy |
 * |---|---|
 * | names a program for the key in `credHelpers`, or for all keys in `credsStore` | runs the program, which its image lacks |
 * | has an entry with exactly this key | uses the entry; if it is empty, goes on to the next key |
 * | has entries whose key names exactly this host, such as `https://host/v1/` or `host/team` | uses any one of them |
 * | has neither | goes on to the next key, and then pulls anonymously |
 *
 * For Docker Hub, the second key is `https://index.docker.io/v1/`, and the first one begins with `index.docker.io`.
 */
export function misreadingOf(
  file: TrivyFile,
  chosen: Credential,
  image: ImageReference,
): Misreading | undefined {
  if (file.result === 'Rejected')
    return { cause: 'File', message: `Trivy would not accept it: ${file.problem}` };
  const keys = keysFor(image);
  for (const key of keys) {
    if (file.helpers.get(key) ?? file.store) return { cause: 'Helper', message: helperUse(key) };
    const found = foundUnder(key, file.entries);
    if (found === 'Unknown') return { cause: 'KeyForm', message: unusualKey(key) };
    if (found.some(([, { sends }]) => sends !== 'Nothing')) return misreadingAmong(found, chosen);
  }
  const looked = keys.map(quoted).join(' and ');
  return {
    cause: 'NotFound',
    message: `Trivy would find no login in it, because it looks only for ${looked}`,
  };
}

function keysFor({ host, repository }: ImageReference): readonly string[] {
  return host === DOCKER_HUB
    ? [`${DOCKER_HUB_LEGACY}/${repository}`, DOCKER_HUB_KEY]
    : [`${host}/${repository}`, host];
}

type Found = readonly (readonly [key: string, entry: TrivyEntry])[];

/** The entries that Trivy may use for a key. `Unknown`: see {@link Misreading}. */
function foundUnder(key: string, entries: ReadonlyMap<string, TrivyEntry>): Found | 'Unknown' {
  const exact = entries.get(key);
  if (exact !== undefined) return [[key, exact]];
  // No host contains a slash.
  if (key.includes('/')) return [];
  const all = [...entries];
  if (all.some(([each]) => hostOf(each) === undefined && mayName(each, key))) return 'Unknown';
  return all.filter(([each]) => hostOf(each) === key);
}

/** Whether Go could read this host from an unusual URL. It may add the brackets of an IPv6 address. */
function mayName(url: string, host: string): boolean {
  return url.startsWith(UNKNOWN_URL) || url.includes(host) || host.startsWith('[');
}

function misreadingAmong(found: Found, chosen: Credential): Misreading | undefined {
  const isRight = ([, entry]: Found[number]) =>
    entry.sends === 'Credential' && isSame(entry.credential, chosen);
  if (found.every(isRight)) return undefined;
  const [first, second] = found;
  const key = quoted(first?.[0] ?? '');
  if (second !== undefined) {
    const message = `Trivy would use ${key}, ${quoted(second[0])} or another entry of this host, and not all of them hold the chosen credential`;
    return { cause: 'OtherEntry', message };
  }
  return first?.[1].sends === 'Token'
    ? {
        cause: 'Token',
        message: `Trivy may send the token in the entry ${key} instead of its user name and password`,
      }
    : {
        cause: 'OtherEntry',
        message: `Trivy would use the entry ${key}, which does not hold the chosen credential`,
      };
}

function isSame(one: Credential, other: Credential): boolean {
  return isDeepStrictEqual(valuesOf(one), valuesOf(other));
}

function valuesOf(credential: Credential): readonly string[] {
  const { kind } = credential;
  switch (kind) {
    case 'basic':
      return [kind, credential.username.reveal(), credential.password.reveal()];
    case 'identityToken':
    case 'registryToken':
      return [kind, credential.token.reveal()];
  }
}

function helperUse(key: string): string {
  return `Trivy would run a credential helper for ${quoted(key)}, because the Secret has credsStore or credHelpers`;
}

function unusualKey(key: string): string {
  return `one of its keys is an unusual URL, so it is not known whether Trivy uses that entry for ${quoted(key)}`;
}
