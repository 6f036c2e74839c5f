import { isIPv6 } from 'node:net';
import type { ImageReference } from '../../image/index.ts';
import { compareText, quoted } from '../../text/index.ts';
import type { Credential } from '../credential.ts';
import {
  type Candidate,
  DOCKER_HUB,
  entriesIn,
  type KeyringEntry,
  lookup,
  type NamedKeyring,
} from '../keyring.ts';
import {
  fitsKey,
  type Hosts,
  hostsOf,
  isLiteral,
  parseRegistryKey,
  type RegistryKey,
} from '../registry-key.ts';
import type { DescribeVariant, Difference, Doubt } from './difference.ts';
import { DOCKER_LOGIN_KEY, dockerHubDifference, isDockerHub } from './docker-hub.ts';
import { hostDifference } from './host.ts';
import { pathDifference } from './path.ts';

/** An entry that does not fit an image, but nearly does. */
export interface NearMiss<Held = Credential> extends Candidate<Held> {
  /** A key with which the entry would fit. */
  readonly corrected: string;
  /** Why the entry does not fit: a clause whose subject, "it", is the key. Contains no secret value. */
  readonly problem: string;
  readonly doubt: Doubt | undefined;
}

/** Limit on the near misses of an image, because they are part of a condition's message. */
export const MOST_NEAR_MISSES = 3;
/** Limit on the entries that are compared. A binding may name 16 Secrets with 256 entries each, but few have more than ten. A comparison of long hosts takes up to 50 µs, and each reconcile repeats it. */
export const MOST_COMPARED = 256;
/** The sum of the distances of an entry's differences. Entries with a larger sum are not worth a sentence. */
const FARTHEST = 6;

const PORT_DIGITS = 5;

/** What the entries are compared with. */
interface Target {
  /** As in the image. */
  readonly host: string;
  readonly hosts: Hosts;
  /** With a leading slash. */
  readonly repository: string;
  /** Whether an entry without a credential fits, so that the fallback of Docker Hub is not used. */
  readonly isBlocked: boolean;
  readonly describeVariant: DescribeVariant;
}

interface Measured<Held> extends NearMiss<Held> {
  readonly distance: number;
}

/**
 * The entries that nearly fit an image that no entry fits, the nearest one first: at most {@link MOST_NEAR_MISSES}. If a
 * key is replaced with its `corrected` key, {@link lookup} finds the entry. Compares the first {@link MOST_COMPARED} entries,
 * so call it only if a lookup has found nothing.
 *
 * @param variantsOf - takes the host of the image in lower case, without port
 * @returns empty if an entry with a credential fits, or if no key can name the host of the image
 */
export function nearMisses<Held>(
  secrets: readonly NamedKeyring<Held>[],
  image: ImageReference,
  variantsOf: (wanted: string) => DescribeVariant,
): readonly NearMiss<Held>[] {
  if (!isNameable(image.host) || lookup(secrets, image).candidates.length > 0) return [];
  const [hosts, repository] = [hostsOf(image.host), `/${image.repository}`];
  const entries = secrets.flatMap(({ name, keyring }) =>
    entriesIn(keyring).map((entry) => ({ name, entry })),
  );
  const isBlocked = entries.some(({ entry }) => {
    const key = entry.credential === undefined ? parseRegistryKey(entry.registryKey) : undefined;
    return key !== undefined && fitsKey(key, hosts, repository);
  });
  const describeVariant = variantsOf(hosts.labels.join('.').toLowerCase());
  const target: Target = { host: image.host, hosts, repository, isBlocked, describeVariant };
  return entries
    .slice(0, MOST_COMPARED)
    .flatMap(({ name, entry }) => measure(name, entry, target) ?? [])
    .toSorted((a, b) => a.distance - b.distance || compareText(a.registryKey, b.registryKey))
    .slice(0, MOST_NEAR_MISSES)
    .map(({ distance, ...nearMiss }) => nearMiss);
}

/** An IPv6 address without a port names no registry in a key, and the kubelet reads no image with an invalid one. */
function isNameable(host: string): boolean {
  const address = /^\[(.*)\](:|$)/.exec(host);
  return address === null || (address[2] === ':' && isIPv6(address[1] ?? ''));
}

function measure<Held>(
  secret: string,
  { registryKey, credential }: KeyringEntry<Held>,
  target: Target,
): Measured<Held> | undefined {
  const key = parseRegistryKey(registryKey);
  if (key === undefined || credential === undefined) return undefined;
  const compared = isOtherDockerHub(key, target) ? compareOnDockerHub(key, target) : compare(key, target);
  if (compared === undefined) return undefined;
  const { differences, corrected } = compared;
  const distance = differences.reduce((sum, each) => sum + each.distance, 0);
  if (distance > FARTHEST) return undefined;
  const problem = differences.map(({ clause }) => clause).join(', and ');
  const doubts = differences.flatMap((each) => each.doubt ?? []);
  const doubt = doubts.includes('Other') ? 'Other' : doubts[0];
  return { secret, registryKey, credential, corrected, problem, doubt, distance };
}

interface Comparison {
  readonly differences: readonly Difference[];
  readonly corrected: string;
}

/** Whether key and image name Docker Hub in different ways. */
function isOtherDockerHub({ hosts }: RegistryKey, target: Target): boolean {
  const [named, wanted] = [hosts.labels.join('.'), target.hosts.labels.join('.')];
  return named !== wanted && isLiteral(hosts) && isDockerHub(named) && isDockerHub(wanted);
}

function compareOnDockerHub(key: RegistryKey, target: Target): Comparison {
  const path = target.repository.startsWith(key.path) ? key.path : '';
  const corrected = keyFor(target.host, path, target);
  if (target.host === DOCKER_HUB)
    return { differences: [dockerHubDifference(key, target.isBlocked)], corrected };
  const [named, wanted] = [key.hosts, target.hosts].map(({ labels }) => quoted(labels.join('.')));
  const clause = `it names Docker Hub as ${named}, and the image as ${wanted}`;
  return { differences: [{ distance: 2, clause }], corrected };
}

/** @returns undefined: key and image have nothing in common */
function compare(key: RegistryKey, target: Target): Comparison | undefined {
  const host = hostDifference(key.hosts, target.hosts, target.describeVariant);
  if (host === undefined) return undefined;
  const path = pathDifference(key.path, target.repository);
  const port = portDifference(key.hosts.port, target.hosts.port);
  const differences = [host === 'Same' ? undefined : host, port, path].filter((each) => each !== undefined);
  const keepsLabels = host === 'Same' && !isLiteral(key.hosts);
  const named = keepsLabels ? withPort(key.hosts.labels, target.hosts.port) : target.host;
  return { differences, corrected: keyFor(named, path?.corrected ?? key.path, target) };
}

function portDifference(named: string, wanted: string): Difference | undefined {
  if (named === wanted) return undefined;
  const found = named === '' ? 'it names no port' : `it names port ${shortened(named)}`;
  const clause =
    wanted === '' ? `${found}, and the image none` : `${found}, and the image port ${shortened(wanted)}`;
  return { distance: 1, clause };
}

/** A key may have a port of any length. */
function shortened(port: string): string {
  return port.length > PORT_DIGITS ? `${port.slice(0, PORT_DIGITS)}…` : port;
}

function withPort(labels: readonly string[], port: string): string {
  return labels.join('.') + (port === '' ? '' : `:${port}`);
}

/** The kubelet ignores these at the start of a path, so they must precede a repository that begins with them. */
const IGNORED = /^\/v[12]\//;

function keyFor(host: string, path: string, { isBlocked }: Target): string {
  if (host === DOCKER_HUB && path === '' && !isBlocked) return DOCKER_LOGIN_KEY;
  return `${host}${IGNORED.test(path) ? '/v1' : ''}${path}`;
}
