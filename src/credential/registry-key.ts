/** What a key of a Docker configuration names: hosts, and the beginning of their repositories. */
export interface RegistryKey {
  /**
   * Host and path without scheme and API version, a character for each byte: what the kubelet sorts by, and what is
   * equal where it takes two keys for the same.
   */
  readonly canonical: string;
  readonly hosts: Hosts;
  /** Empty, or with a leading slash. */
  readonly path: string;
}

/** The hosts that a key names, or the one of an image. */
export interface Hosts {
  /** `*` in a label of a key stands for any characters of that label. An IPv6 address is one label. */
  readonly labels: readonly string[];
  /** As digits; empty where none is written. */
  readonly port: string;
}

/** Longer keys fit no image: 259 for the host, 255 for the repository, and room for scheme and API version. */
const KEY_MAX = 600;
const HOST_MAX = 259;

const SCHEME = /^https?:\/\//;
const API_VERSION = /^\/v[12](?=\/)/;
/**
 * A host with or without a port; net/url lets a `]` stand alone, but then no port is told from the host. The path may
 * have any printable ASCII character except `?`, `#` and `@`. No repository has any other, and keys are published in
 * status.
 */
const KEY =
  /^(?<host>[A-Za-z0-9._*-]+(?::[0-9]*)?|[A-Za-z0-9._*\]-]+|\[[A-Fa-f0-9:.]+\]:[0-9]*)(?<path>\/[ -"$->A-~]*)?$/;
const CONTROL = /[^ -~\u0080-\u00ff]/;
const BROKEN_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
const ESCAPE = /%(..)/g;
const FITS_NO_IMAGE = /\\|\/\//;

/**
 * Reads a key as the kubelet does (`Add` in k8s.io/kubernetes/pkg/credentialprovider/keyring.go, with net/url of
 * Go 1.26.8): the scheme `http://` or `https://` does not count, nor does a path `/v1/` or `/v2/`; a port does, also
 * 443; a path may be percent-encoded. Of globs the host can hold `*` alone: `?` begins a query, and a URL with `[…]`
 * around anything but an IPv6 address is none.
 *
 * Some keys that the kubelet reads name no registry here, docs/adr/0008 tells why: those with user information, a
 * query or a fragment, IPv6 addresses without a port, and those with a character that is not printable ASCII.
 *
 * @returns undefined if the text names no registry, or nothing that an image can be in.
 */
export function parseRegistryKey(text: string): RegistryKey | undefined {
  const parts = text.length > KEY_MAX ? undefined : KEY.exec(text.replace(SCHEME, ''))?.groups;
  const host = parts?.['host'];
  const written = unescaped(parts?.['path'] ?? '')?.replace(API_VERSION, '');
  if (host === undefined || host.length > HOST_MAX || written === undefined) {
    return undefined;
  }
  const named = written === '/' ? '' : written;
  const path = pathOf(named);
  if (path === undefined || FITS_NO_IMAGE.test(path)) {
    return undefined;
  }
  return { canonical: `${host}${named}`, hosts: hostsOf(host), path };
}

/** Splits `host` or `host:port` as `SplitURL` of the kubelet's keyring.go does: brackets stay where no port follows. */
export function hostsOf(host: string): Hosts {
  const colon = host.lastIndexOf(':');
  if (colon < 0 || host.endsWith(']')) {
    return { labels: host.split('.'), port: '' };
  }
  const name = host.slice(0, colon);
  const labels = name.startsWith('[') ? [name.slice(1, -1)] : name.split('.');
  return { labels, port: host.slice(colon + 1) };
}

/** Whether a key names one host. */
export function isLiteral({ labels }: Hosts): boolean {
  return !labels.some((label) => label.includes('*'));
}

/**
 * Whether a host is among those that a key names, as `URLsMatch` of the kubelet's keyring.go decides: as many labels,
 * each matched on its own, and the same port.
 */
export function includesHost(named: Hosts, { labels, port }: Hosts): boolean {
  return (
    named.port === port &&
    named.labels.length === labels.length &&
    named.labels.every((pattern, index) => labelMatches(pattern, labels[index] ?? ''))
  );
}

/** The kubelet reads a key once more, as a URL, when it compares: what was escaped twice is a path by then. */
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

/** `path.Match` for a pattern with no special character but `*`: parts are found from left to right, once each. */
function labelMatches(pattern: string, label: string): boolean {
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
