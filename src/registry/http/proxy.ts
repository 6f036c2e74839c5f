import { BlockList, isIP } from 'node:net';
import type { ProxySettings } from '../settings.ts';

/** Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`. Lower-case names take precedence. Empty values count as absent. */
export function proxySettings(env: Readonly<Record<string, string | undefined>>): ProxySettings {
  const either = (name: string) => env[name.toLowerCase()] || env[name] || undefined;
  return {
    httpsProxy: either('HTTPS_PROXY'),
    httpProxy: either('HTTP_PROXY'),
    noProxy: either('NO_PROXY'),
  };
}

/**
 * The proxy for a URL. Follows the rules of Go's golang.org/x/net/http/httpproxy, so that checks use the same path as Trivy.
 * NO_PROXY may contain `*`, names (including their subdomains), `.name` and `*.name` (only subdomains), addresses and
 * networks (`10.0.0.0/8`). All of these except networks may have a port. Localhost and loopback addresses never use a proxy.
 *
 * @returns undefined: connect directly
 * @throws Error if the proxy is not the URL of an HTTP proxy; {@link checkProxySettings} reports that at startup
 */
export function proxyFor(url: URL, settings: ProxySettings): URL | undefined {
  const proxy = url.protocol === 'https:' ? settings.httpsProxy : settings.httpProxy;
  if (proxy === undefined || isLoopback(url)) return undefined;
  const entries = (settings.noProxy ?? '').toLowerCase().split(',');
  return entries.some((entry) => matches(entry.trim(), url)) ? undefined : proxyUrl(proxy);
}

/** @throws Error if a proxy cannot be used; the message contains neither user name nor password of the proxy */
export function checkProxySettings(settings: ProxySettings): void {
  for (const proxy of [settings.httpsProxy, settings.httpProxy]) if (proxy !== undefined) proxyUrl(proxy);
}

function proxyUrl(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  const found = url === null ? 'a value that is not a URL' : `a URL of scheme ${url.protocol.slice(0, -1)}`;
  throw new Error(
    `HTTPS_PROXY and HTTP_PROXY: expected http://host:port or https://host:port, found ${found}; correct it`,
  );
}

function isLoopback(url: URL): boolean {
  const host = bareHost(url);
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function matches(entry: string, url: URL): boolean {
  if (entry === '') return false;
  if (entry === '*') return true;
  const host = bareHost(url);
  const [network, prefix] = entry.split('/');
  if (network !== undefined && prefix !== undefined) return inNetwork(host, network, Number(prefix));
  const { name, port } = splitPort(entry);
  if (port !== undefined && port !== portOf(url)) return false;
  if (isIP(host) !== 0) return isIP(name) !== 0 && sameAddress(name, host);
  const suffix = name.replace(/^\*?\./, '.');
  return suffix.startsWith('.') ? host.endsWith(suffix) : host === suffix || host.endsWith(`.${suffix}`);
}

function sameAddress(one: string, other: string): boolean {
  return inNetwork(other, one, isIP(one) === 4 ? 32 : 128);
}

function inNetwork(host: string, network: string, prefix: number): boolean {
  const [family, hostFamily] = [isIP(network), isIP(host)];
  if (hostFamily === 0 || family !== hostFamily || !(prefix >= 0 && prefix <= (family === 4 ? 32 : 128)))
    return false;
  const list = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(network, prefix, type);
  return list.check(host, type);
}

function splitPort(entry: string): { readonly name: string; readonly port: string | undefined } {
  const bracketed = /^\[(.*)\](?::(\d+))?$/.exec(entry);
  if (bracketed !== null) return { name: bracketed[1] ?? '', port: bracketed[2] };
  const colon = entry.indexOf(':');
  if (colon < 0 || colon !== entry.lastIndexOf(':')) return { name: entry, port: undefined };
  return { name: entry.slice(0, colon), port: entry.slice(colon + 1) };
}

function portOf(url: URL): string {
  return url.port || (url.protocol === 'https:' ? '443' : '80');
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}
