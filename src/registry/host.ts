import type { RegistrySettings } from './settings.ts';

/** Images on Docker Hub are named `docker.io/…`. Its registry has another host, which Docker, containerd and Trivy hard-code. */
const DOCKER_HUB = 'docker.io';
const DOCKER_HUB_REGISTRY = 'registry-1.docker.io';

/**
 * The URLs to try for a registry's API: with TLS, and then, for an insecure registry, with plain HTTP.
 *
 * @param host - as in an image reference
 * @returns empty if the host does not form a URL
 */
export function registryOrigins(host: string, settings: RegistrySettings): readonly URL[] {
  const authority = host === DOCKER_HUB ? DOCKER_HUB_REGISTRY : host;
  const schemes = includesHost(settings.insecure, authority) ? ['https', 'http'] : ['https'];
  return schemes
    .map((scheme) => URL.parse(`${scheme}://${authority}/`))
    .filter((url) => url !== null)
    .filter((url) => url.pathname === '/' && url.username === '' && url.password === '');
}

/** Whether a list contains exactly this host, `host` or `host:port`, ignoring case. */
export function includesHost(hosts: readonly string[], authority: string): boolean {
  const wanted = authority.toLowerCase();
  return hosts.some((host) => host.toLowerCase() === wanted);
}

/** The setting that forbids contacting this registry; undefined: none. */
export function forbiddenBy(
  host: string,
  { allow, deny }: Pick<RegistrySettings, 'allow' | 'deny'>,
): 'AllowList' | 'DenyList' | undefined {
  if (deny.some((pattern) => matchesPattern(pattern, host))) return 'DenyList';
  return allow.length === 0 || allow.some((pattern) => matchesPattern(pattern, host))
    ? undefined
    : 'AllowList';
}

/**
 * Whether the deny list names the host of a URL. The deny list applies to every host, including token servers and
 * redirect targets. The allow list applies only to registries, because token servers have other host names.
 */
export function isDenied(url: URL, { deny }: Pick<RegistrySettings, 'deny'>): boolean {
  // A fully qualified name with a trailing dot is the same name.
  const name = url.hostname.replace(/\.$/, '');
  const port = url.port || (url.protocol === 'http:' ? '80' : '443');
  const hosts = name === DOCKER_HUB_REGISTRY ? [name, DOCKER_HUB] : [name];
  return deny.some((pattern) => hosts.some((host) => matchesPattern(pattern, `${host}:${port}`)));
}

function matchesPattern(pattern: string, host: string): boolean {
  const [expected, found] = [splitPort(pattern.toLowerCase()), splitPort(host.toLowerCase())];
  if (!['*', undefined, found.port].includes(expected.port)) return false;
  const [labels, own] = [expected.name.split('.'), found.name.split('.')];
  return (
    labels.length === own.length && labels.every((label, index) => matchesLabel(label, own[index] ?? ''))
  );
}

/** Matches greedily from the left. With `*` as the only wildcard, the first match of each part is sufficient. */
function matchesLabel(pattern: string, label: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return label === first;
  if (!label.startsWith(first) || !label.endsWith(last)) return false;
  let from = first.length;
  for (const part of rest) {
    const at = label.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return from <= label.length - last.length;
}

function splitPort(host: string): { readonly name: string; readonly port: string | undefined } {
  const [, name = host, port] = /^(.*?)(?::(\d+|\*))?$/.exec(host) ?? [];
  return { name, port };
}
