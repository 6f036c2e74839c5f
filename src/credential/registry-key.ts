import { isIPv6 } from 'node:net';

/** A parsed key of a Docker configuration: hosts, and a prefix of repositories. */
export interface RegistryKey {
  /**
   * Host and path without scheme and API version, with one character per byte. The kubelet sorts keys by this text, and
   * treats keys with equal texts as the same key.
   */
  readonly canonical: string;
  readonly hosts: Hosts;
  /** Empty, or with a leading slash. */
  readonly path: string;
}

/** The hosts that a key names, or the host of an image. */
export interface Hosts {
  /** In a label of a key, `*` matches any characters of that label. An IPv6 address is one label. */
  readonly labels: readonly string[];
  /** In digits; empty if there is no port. */
  readonly port: string;
}

/**
 * In characters. Longer keys fit no image: a host has at most 259, and a repository 255. The rest is for scheme and API
 * version.
 */
const KEY_MAX = 600;
const HOST_MAX = 259;

const SCHEME = /^https?:\/\//;
const API_VERSION = /^\/v[12](?=\/)/;
/**
 * A host with or without a port, and a path. net/url accepts a `]` without `[`, but then does not separate a port from
 * the host. The path may contain all printable ASCII characters except `?`, `#` and `@`. All other characters are
 * excluded, because no repository contains them, and keys are published in status.
 */
const KEY =
  /^(?<host>[A-Za-z0-9._*-]+(?::[0-9]*)?|[A-Za-z0-9._*\]-]+|\[[A-Fa-f0-9:.]+\]:[0-9]*)(?<path>\/[ -"$->A-~]*)?$/;
const CONTROL = /[^ -~\u0080-\u00ff]/;
const BROKEN_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
const ESCAPE = /%(..)/g;
const FITS_NO_IMAGE = /\\|\/\//;

/**
 * Parses a key as the kubelet does (`Add` in k8s.io/kubernetes/pkg/credentialprovider/keyring.go, with net/url of
 * Go 1.26.8). The scheme `http://` or `https://` and a path `/v1/` or `/v2/` are ignored. A port is significant, even
 * 443. A path may be percent-encoded. The only wildcard in a host is `*`: `?` begins a query, and `[…]` may only
 * contain an IPv6 address.
 *
 * Some keys that the kubelet accepts are rejected here, for the reasons in docs/adr/0008: keys with user information, a
 * query or a fragment, IPv6 addresses without a port, and keys with characters that are not printable ASCII.
 *
 * @returns undefined if the text names no registry, or a path that no image can have.
 */
export function parseRegistryKey(text: string): RegistryKey | undefined {
  const parts = text.length > KEY_MAX ? undefined : KEY.exec(text.replace(SCHEME, ''))?.groups;
  const host = parts?.['host'];
  const written = unescaped(parts?.['path'] ?? '')?.replace(API_VERSION, '');
  if (host === undefined || host.length > HOST_MAX || !isAddressValid(host) || written === undefined) {
    return undefined;
  }
  const named = written === '/' ? '' : written;
  const path = pathOf(named);
  if (path === undefined || FITS_NO_IMAGE.test(path)) {
    return undefined;
  }
  return { canonical: `${host}${named}`, hosts: hostsOf(host), path };
}

/** Whether brackets at the beginning contain an IPv6 address. net/url refuses any other text in them. */
function isAddressValid(host: string): boolean {
  return !host.startsWith('[') || isIPv6(host.slice(1, host.indexOf(']')));
}

/** Splits `host` or `host:port` as `SplitURL` of the kubelet's keyring.go does: without a port, brackets are kept. */
export function hostsOf(host: string): Hosts {
  const colon = host.lastIndexOf(':');
  if (colon < 0 || host.endsWith(']')) {
    return { labels: host.split('.'), port: '' };
  }
  const name = host.slice(0, colon);
  const labels = name.startsWith('[') ? [name.slice(1, -1)] : name.split('.');
  return { labels, port: host.slice(colon + 1) };
}

/** Whether a key names exactly one host. */
export function isLiteral({ labels }: Hosts): boolean {
  return !labels.some((label) => label.includes('*'));
}

/**
 * Whether a key names a host, as `URLsMatch` of the kubelet's keyring.go decides: both have the same port and the same
 * number of labels, and each label matches.
 */
export function includesHost(named: Hosts, { labels, port }: Hosts): boolean {
  return (
    named.port === port &&
    named.labels.length === labels.length &&
    named.labels.every((pattern, index) => labelMatches(pattern, labels[index] ?? ''))
  );
}

/** Whether a key fits an image. `repository`: with a leading slash. */
export function fitsKey(key: RegistryKey, host: Hosts, repository: string): boolean {
  return repository.startsWith(key.path) && includesHost(key.hosts, host);
}

/**
 * Decodes a path a second time, because the kubelet parses a key as a URL again when it compares it. undefined: this
 * second parsing fails.
 */
function pathOf(named: string): string | undefined {
  const [url = '', ...fragment] = named.split('#');
  const [path = ''] = url.split('?');
  const broken = CONTROL.test(url) || unescaped(fragment.join('#')) === undefined;
  return broken ? undefined : unescaped(path);
}

function unescaped(text: string): string | undefined {
  if (BROKEN_ESCAPE.test(text)) {
    return undefined;
  }
  return text.replace(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** `path.Match` of Go for a pattern whose only special character is `*`. Finds each part from left to right. */
export function labelMatches(pattern: string, label: string): boolean {
  if (pattern === '*' || pattern === label) return true;
  const [prefix = '', ...rest] = pattern.split('*');
  const suffix = rest.pop();
  if (suffix === undefined) {
    return false;
  }
  const end = label.length - suffix.length;
  if (end < prefix.length || !label.startsWith(prefix) || !label.endsWith(suffix)) {
    return false;
  }
  let from = prefix.length;
  for (const part of rest) {
    const found = label.indexOf(part, from);
    if (found < 0 || found + part.length > end) {
      return false;
    }
    from = found + part.length;
  }
  return true;
}
