import { BlockList, isIP } from 'node:net';
import type { ProxySettings } from '../settings.ts';

/** Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`; in lower case they come first, and an empty one is none. */
export function proxySettings(env: Readonly<Record<string, string | undefined>>): ProxySettings {
  const either = (name: string) => env[name.toLowerCase()] || env[name] || undefined;
  return {
    httpsProxy: either('HTTPS_PROXY'),
    httpProxy: either('HTTP_PROXY'),
    noProxy: either('NO_PROXY'),
  };
}

/**
 * The proxy for a URL, chosen as Go's golang.org/x/net/http/httpproxy does, so that a registry is asked on the way on
 * which Trivy pulls from it: NO_PROXY takes `*`, names (with their subdomains), `.name` and `*.name` (only those),
 * addresses and networks (`10.0.0.0/8`), each but the networks with an optional port; localhost and loopback
 * addresses never go through a proxy.
 *
 * @returns undefined to ask directly
 * @throws Error where the proxy is no URL of an HTTP proxy; {@link checkProxySettings} says so at start
 */
export function proxyFor(url: URL, settings: ProxySettings): URL | undefined {
  const proxy = url.protocol === 'https:' ? settings.httpsProxy : settings.httpProxy;
  if (proxy === undefined || isLoopback(url)) return undefined;
  const entries = (settings.noProxy ?? '').toLowerCase().split(',');
  return entries.some((entry) => matches(entry.trim(), url)) ? undefined : proxyUrl(proxy);
}

/** @throws Error where a proxy cannot be used; its message names no user name and no password of the proxy */
export function checkProxySettings(settings: ProxySettings): void {
  for (const proxy of [settings.httpsProxy, settings.httpProxy]) if (proxy !== undefined) proxyUrl(proxy);
}

function proxyUrl(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  const found = url === null ? 'what is no URL' : `a URL of scheme ${url.protocol.slice(0, -1)}`;
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
  const [family, own] = [isIP(network), isIP(host)];
  if (own === 0 || family !== own || !(prefix >= 0 && prefix <= (family === 4 ? 32 : 128))) return false;
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
