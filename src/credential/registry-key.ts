import type { ImageReference } from '../image/index.ts';

/** What a key of a Docker configuration's `auths` names: hosts, and the beginning of their repositories. */
export interface RegistryKey {
  /** Host and path without scheme and API version: what the kubelet sorts by. */
  readonly canonical: string;
  /** The host's labels; `*` in a label stands for any characters of that label. */
  readonly labels: readonly string[];
  /** As digits; empty where none is written. */
  readonly port: string;
  /** Empty, or with a leading slash. */
  readonly path: string;
}

/** Longer keys fit no image: 259 for the host, 255 for the repository, and room for scheme and API version. */
const KEY_MAX = 600;

const SCHEME = /^https?:\/\//;
const API_VERSION = /^\/v[12](?=\/)/;
const SHAPE = /^(?<host>[A-Za-z0-9._*-]+|\[[A-Fa-f0-9:.]+\])(?<port>:[0-9]*)?(?<path>\/[!-~]*)?$/;
const FITS_NO_IMAGE = /[?#%@\\]|\/\//;

/**
 * Reads a key as the kubelet does (`Add` in k8s.io/kubernetes/pkg/credentialprovider/keyring.go): the scheme
 * `http://` or `https://` does not count, nor does a path `/v1/` or `/v2/`; a port does, also 443.
 *
 * A key with user information, a query, a fragment or a percent sign names no registry here, whereas the kubelet
 * drops or decodes these: `registry?.example.com` would give its credential to the host `registry`.
 *
 * @returns undefined if the text names no registry.
 */
export function parseRegistryKey(text: string): RegistryKey | undefined {
  const address = text.replace(SCHEME, '');
  const parts = text.length > KEY_MAX ? undefined : SHAPE.exec(address)?.groups;
  const host = parts?.['host'];
  if (parts === undefined || host === undefined || FITS_NO_IMAGE.test(address)) {
    return undefined;
  }
  const port = parts['port'] ?? '';
  const written = (parts['path'] ?? '').replace(API_VERSION, '');
  const path = written === '/' ? '' : written;
  return { canonical: `${host}${port}${path}`, labels: host.split('.'), port: port.slice(1), path };
}

/**
 * Whether an image falls under a key, as `URLsMatch` of the kubelet's keyring.go decides: as many labels, each
 * matched on its own, the same port, and a path that begins the image's, which need not end at a slash
 * (`/team` begins `/teamwork/app`).
 *
 * One difference: `[::1]` without a port matches that host; the kubelet reads those brackets as a choice of
 * characters, which can only match other hosts.
 */
export function matches(key: RegistryKey, image: ImageReference): boolean {
  const { labels, port } = splitImageHost(image.host);
  return (
    key.port === port &&
    key.labels.length === labels.length &&
    `/${image.repository}`.startsWith(key.path) &&
    key.labels.every((label, index) => labelMatches(label, labels[index] ?? ''))
  );
}

function splitImageHost(host: string): { readonly labels: readonly string[]; readonly port: string } {
  const colon = host.lastIndexOf(':');
  if (colon < 0 || host.endsWith(']')) {
    return { labels: host.split('.'), port: '' };
  }
  return { labels: host.slice(0, colon).split('.'), port: host.slice(colon + 1) };
}

/** `path.Match` for a pattern with no special character but `*`: parts are found from left to right, once each. */
function labelMatches(pattern: string, label: string): boolean {
  const [prefix = '', ...rest] = pattern.split('*');
  const suffix = rest.pop();
  if (suffix === undefined) {
    return pattern === label;
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
