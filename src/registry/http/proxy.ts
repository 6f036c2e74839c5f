import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { goToLower, goTrimSpace } from '../../text/index.ts';
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
 * The proxy for a URL. Follows the rules of Go's golang.org/x/net/http/httpproxy, so that checks use the same path as Trivy;
 * `test/e2e/oracle/proxy.test.ts` compares both. NO_PROXY may contain `*`, names (including their subdomains), `.name` and
 * `*.name` (only subdomains), addresses and networks (`10.0.0.0/8`). All of these except networks may have a port; then
 * brackets enclose an IPv6 address. Without a port, an address in brackets matches nothing. An entry that is malformed, such
 * as `10.0.0.0 /8`, counts as a name, which matches nothing. Localhost and loopback addresses never use a proxy.
 *
 * @returns undefined: connect directly
 * @throws Error if the proxy is not the URL of an HTTP proxy; {@link checkProxySettings} reports that at startup
 */
export function proxyFor(url: URL, settings: ProxySettings): URL | undefined {
  const proxy = url.protocol === 'https:' ? settings.httpsProxy : settings.httpProxy;
  if (proxy === undefined) return undefined;
  const target = targetOf(url);
  if (isLoopback(target)) return undefined;
  const entries = goToLower(settings.noProxy ?? '').split(',');
  return entries.some((entry) => matches(goTrimSpace(entry), target)) ? undefined : proxyUrl(proxy);
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

/** The destination of a request. */
interface Target {
  /** In lower case, without brackets. */
  readonly host: string;
  readonly port: string;
  /** undefined: the host is a name. */
  readonly address: Address | undefined;
}

/** The 4 bytes of an IPv4 address, also of one that is mapped to IPv6 (`::ffff:10.0.0.1`), or the 16 of an IPv6 address. */
type Address = readonly number[];

function targetOf(url: URL): Target {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return { host, port, address: parseAddress(host) };
}

const IPV6_LOOPBACK = [...Array<number>(15).fill(0), 1];
/** The first bytes of an IPv4 address that is mapped to IPv6. */
const MAPPED_PREFIX = [...Array<number>(10).fill(0), 255, 255];
const MAPPED_BITS = 96;

function isLoopback({ host, address }: Target): boolean {
  if (address === undefined) return host === 'localhost';
  return address.length === 4 ? address[0] === 127 : isSame(address, IPV6_LOOPBACK);
}

function matches(entry: string, target: Target): boolean {
  if (entry === '*') return true;
  const network = parseNetwork(entry);
  if (network !== undefined) return target.address !== undefined && contains(network, target.address);
  const { name, port } = splitPort(entry);
  if (name === '' || (port !== '' && port !== target.port)) return false;
  const address = parseAddress(name);
  if (address !== undefined) return target.address !== undefined && isSame(address, target.address);
  return target.address === undefined && matchesName(name, target.host);
}

function matchesName(name: string, host: string): boolean {
  const pattern = name.startsWith('*.') ? name.slice(1) : name;
  const suffix = ascii(pattern.startsWith('.') ? pattern : `.${pattern}`);
  return host.endsWith(suffix) || (!pattern.startsWith('.') && host === suffix.slice(1));
}

/** Characters that `domainToASCII` omits, with all that follows a slash or a question mark. No name contains them. */
const NOT_IN_NAMES = /[/\\?#\t\n\r]/;

/** An internationalized name in ASCII. The name begins with a dot, which the conversion would refuse. */
function ascii(name: string): string {
  const labels = name.slice(1);
  if (/^[\0-\x7f]*$/.test(labels) || NOT_IN_NAMES.test(labels)) return name;
  return `.${domainToASCII(labels) || labels}`;
}

interface Network {
  readonly address: Address;
  /** Number of leading bits of the address that must match. */
  readonly bits: number;
}

/** Like `net.ParseCIDR` of Go; undefined: the text is no network. */
function parseNetwork(text: string): Network | undefined {
  const [, name = '', prefix = ''] = /^([^/]*)\/([0-9]+)$/.exec(text) ?? [];
  const address = parseAddress(name);
  const bits = Number(prefix);
  if (address === undefined || bits > (isIP(name) === 4 ? 32 : 128)) return undefined;
  const isMapped = isIP(name) === 6 && address.length === 4;
  if (!isMapped) return { address, bits };
  // With fewer bits than the prefix of mapped addresses has, it is a network of IPv6 addresses alone.
  return bits < MAPPED_BITS
    ? { address: [...MAPPED_PREFIX, ...address], bits }
    : { address, bits: bits - MAPPED_BITS };
}

function contains({ address, bits }: Network, other: Address): boolean {
  return address.length === other.length && bitsOf(address, bits) === bitsOf(other, bits);
}

function bitsOf(address: Address, count: number): string {
  return address
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('')
    .slice(0, count);
}

function isSame(one: Address, other: Address): boolean {
  return one.join() === other.join();
}

/** Like `net.ParseIP` of Go; undefined: the text is no address. */
function parseAddress(text: string): Address | undefined {
  const family = text.includes('%') ? 0 : isIP(text);
  if (family === 0) return undefined;
  if (family === 4) return text.split('.').map(Number);
  // A URL writes an address without an IPv4 part, and with `::` at most once.
  const [head = '', tail] = new URL(`http://[${text}]`).hostname.slice(1, -1).split('::');
  const [left, right] = [wordsOf(head), wordsOf(tail ?? '')];
  const words = [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
  const bytes = words.flatMap((word) => [word >> 8, word & 0xff]);
  const { length } = MAPPED_PREFIX;
  return isSame(bytes.slice(0, length), MAPPED_PREFIX) ? bytes.slice(length) : bytes;
}

function wordsOf(text: string): readonly number[] {
  return text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16));
}

/** Like `net.SplitHostPort` of Go; an empty port: there is none, or the text has another form than `name:port`. */
function splitPort(entry: string): { readonly name: string; readonly port: string } {
  const { name, bracketed, port = '' } = NAME_AND_PORT.exec(entry)?.groups ?? { name: entry };
  return { name: name ?? bracketed ?? '', port };
}

const NAME_AND_PORT = /^(?:(?<name>[^:[\]]*)|\[(?<bracketed>[^[\]]*)\]):(?<port>[^:[\]]*)$/;
