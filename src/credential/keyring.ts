import { isIPv6 } from 'node:net';
import type { ImageReference } from '../image/index.ts';
import { compareText } from '../text/index.ts';
import type { Credential } from './credential.ts';
import { fitsKey, type Hosts, hostsOf, isLiteral, parseRegistryKey } from './registry-key.ts';

/** An entry of a pull secret, or the credential of a credential Secret for one host. */
export interface KeyringEntry<Held = Credential> {
  /** The key of the entry, unchanged: `https://index.docker.io/v1/`, `*.example.com/team`. */
  readonly registryKey: string;
  /** undefined: the kubelet finds the entry, but the entry has no usable credential. */
  readonly credential: Held | undefined;
}

/** The entries of one pull secret, indexed for lookups. {@link keyring} creates it. */
export interface Keyring<Held = Credential> {
  /** By host: the entries whose key names exactly one host. */
  readonly hosts: ReadonlyMap<string, HostEntries<Held>>;
  /** Entries whose key contains a `*`. */
  readonly globs: readonly Glob<Held>[];
}

/** The keyring of a pull secret, with the secret's name. */
export interface NamedKeyring<Held = Credential> {
  readonly name: string;
  readonly keyring: Keyring<Held>;
}

/** A credential that fits an image, with its source. */
export interface Candidate<Held = Credential> {
  /** The name of the pull secret. */
  readonly secret: string;
  /** The key of the entry in that secret, unchanged. */
  readonly registryKey: string;
  readonly credential: Held;
}

/** The result of a lookup. */
export interface Lookup<Held = Credential> {
  /** The first {@link MOST_CANDIDATES} that fit, in the order in which to try them. */
  readonly candidates: readonly Candidate<Held>[];
  /** The number of further entries that fit. They are not tried. */
  readonly more: number;
}

/**
 * Limit on the candidates of an image. Each may cost a registry check. Images usually have one or two. The kubelet
 * tries all candidates.
 */
export const MOST_CANDIDATES = 32;

interface HostEntries<Held> {
  /** The distinct lengths of the paths. A lookup tries only the prefixes of these lengths. */
  readonly lengths: Set<number>;
  readonly byPath: Map<string, Row<Held>[]>;
}

interface Row<Held> extends KeyringEntry<Held> {
  /** See RegistryKey. */
  readonly canonical: string;
}

interface Glob<Held> extends Row<Held> {
  readonly hosts: Hosts;
  readonly path: string;
}

export const DOCKER_HUB = 'docker.io';
/** If no key fits an image on Docker Hub, the entries with this key are used. */
export const DOCKER_HUB_LEGACY = 'index.docker.io';

/**
 * Indexes the entries of one pull secret, so that a lookup does not walk over all of them. Build it once for each version
 * of a secret. Omits entries whose key names no registry.
 */
export function keyring<Held>(entries: readonly KeyringEntry<Held>[]): Keyring<Held> {
  const hosts = new Map<string, HostEntries<Held>>();
  const globs: Glob<Held>[] = [];
  for (const { registryKey, credential } of entries) {
    const key = parseRegistryKey(registryKey);
    if (key === undefined) continue;
    const { canonical, path } = key;
    const row = { registryKey, credential, canonical };
    if (isLiteral(key.hosts)) place(row, path, entriesOf(hosts, hostKey(key.hosts)));
    else globs.push({ ...row, hosts: key.hosts, path });
  }
  return { hosts, globs };
}

/** All entries of a keyring, also those without a credential. */
export function entriesIn<Held>({ hosts, globs }: Keyring<Held>): readonly KeyringEntry<Held>[] {
  return [...hosts.values()].flatMap(({ byPath }) => [...byPath.values()].flat()).concat(globs);
}

function entriesOf<Held>(hosts: Map<string, HostEntries<Held>>, host: string): HostEntries<Held> {
  const entries: HostEntries<Held> = hosts.get(host) ?? { lengths: new Set(), byPath: new Map() };
  hosts.set(host, entries);
  return entries;
}

function place<Held>(row: Row<Held>, path: string, { lengths, byPath }: HostEntries<Held>): void {
  lengths.add(path.length);
  const rows = byPath.get(path);
  if (rows === undefined) byPath.set(path, [row]);
  else rows.push(row);
}

/**
 * The credentials that fit an image, in the order in which to try them. These are the credentials that `Lookup` in
 * k8s.io/kubernetes/pkg/credentialprovider/keyring.go finds for the repository: those of every key that fits. If no key
 * fits an image on Docker Hub, they are those of the key `index.docker.io`.
 *
 * Keys of all secrets are sorted in reverse byte order, so that a longer path precedes a shorter one. Equal keys are in
 * the order of the secrets. Within a secret, they are in the order of its file, where the kubelet defines no order.
 *
 * Entries without a credential are not among the results. But as in the kubelet, `index.docker.io` is not used if such
 * an entry fits.
 *
 * There are two differences. At most {@link MOST_CANDIDATES} are returned. And the kubelet also sends the credentials of
 * `index.docker.io` to hosts with neither dot nor port (`localhost/app`, `ACME/app`). Those hosts are not Docker Hub,
 * so this lookup returns nothing for them: docs/adr/0008.
 *
 * @param secrets - in the binding's order
 */
export function lookup<Held>(secrets: readonly NamedKeyring<Held>[], image: ImageReference): Lookup<Held> {
  const target = { hosts: hostsOf(image.host), path: `/${image.repository}` };
  // The kubelet parses the image as a URL, which fails for an invalid IPv6 address.
  if (image.host.startsWith('[') && !isIPv6(addressIn(image.host))) return inOrder<Held>([]);
  const fitting = collect(secrets, (each) => fittingRows(each, target));
  if (fitting.length > 0 || image.host !== DOCKER_HUB) return inOrder(fitting);
  return inOrder(collect(secrets, legacyRows));
}

interface Target {
  readonly hosts: Hosts;
  readonly path: string;
}

interface Found<Held> {
  readonly secret: string;
  readonly row: Row<Held>;
}

function collect<Held>(
  secrets: readonly NamedKeyring<Held>[],
  rowsOf: (keyring: Keyring<Held>) => readonly Row<Held>[],
): readonly Found<Held>[] {
  return secrets.flatMap(({ name, keyring }) => rowsOf(keyring).map((row) => ({ secret: name, row })));
}

function fittingRows<Held>(
  { hosts, globs }: Keyring<Held>,
  { hosts: host, path }: Target,
): readonly Row<Held>[] {
  const named = hosts.get(hostKey(host));
  const lengths = [...(named?.lengths ?? [])].filter((length) => length <= path.length);
  const literal = lengths.flatMap((length) => named?.byPath.get(path.slice(0, length)) ?? []);
  const matching = globs.filter((glob) => fitsKey(glob, host, path));
  return [...literal, ...matching];
}

function legacyRows<Held>({ hosts }: Keyring<Held>): readonly Row<Held>[] {
  const rows = hosts.get(hostKey(hostsOf(DOCKER_HUB_LEGACY)))?.byPath.get('') ?? [];
  return rows.filter(({ canonical }) => canonical === DOCKER_HUB_LEGACY);
}

function inOrder<Held>(found: readonly Found<Held>[]): Lookup<Held> {
  const fitting = found
    .toSorted((a, b) => compareText(b.row.canonical, a.row.canonical))
    .flatMap(({ secret, row: { registryKey, credential } }) =>
      credential === undefined ? [] : [{ secret, registryKey, credential }],
    );
  const candidates = fitting.slice(0, MOST_CANDIDATES);
  return { candidates, more: fitting.length - candidates.length };
}

function hostKey({ labels, port }: Hosts): string {
  return `${labels.join('.')} ${port}`;
}

function addressIn(host: string): string {
  return host.slice(1, host.indexOf(']'));
}
