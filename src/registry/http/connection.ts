import type { LookupAddress, LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { Agent, buildConnector, type Dispatcher, ProxyAgent, request } from 'undici';
import type { RequestKind, UnreachableReason } from '../../answer/index.ts';
import { isDenied, names } from '../host.ts';
import type { RegistrySettings } from '../settings.ts';
import { type AddressKind, addressKind } from './address.ts';
import type { Lookups } from './lookups.ts';
import { AddressForbiddenError, reasonOf } from './network-error.ts';
import { proxyFor } from './proxy.ts';
import { Settled, unreachable } from './settled.ts';
import { TimeLimit } from './time-limit.ts';

const MAX_HEADERS = 32 * 1024;
/**
 * In bytes. Parsing a body blocks the event loop, and 1 MiB of JSON can take 100 ms. Tokens and errors have a few KiB.
 */
const MAX_BODY = 128 * 1024;
/** A body that nobody reads is read away up to here, so that the connection can be used again. */
const MAX_UNREAD_BODY = 16 * 1024;
/** Interim answers (1xx) before the final one. */
const MAX_INTERIM = 16;

/** One request. No redirect is followed. */
export interface RegistryRequest {
  readonly kind: RequestKind;
  /** `registry`: the one that the question is about. `other`: token servers and targets of redirects. */
  readonly party: 'registry' | 'other';
  readonly method: 'HEAD' | 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whether the body of an answer with this status is needed. */
  readonly reads?: (status: number) => boolean;
}

export interface Reply {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** Empty where it was not asked for. */
  readonly body: string;
}

/** One request as counted in metrics: nothing in it that a registry or a person can choose freely. */
export interface RequestRecord {
  readonly kind: RequestKind;
  /** The HTTP status, where it is one of a few that matter, else its class (`2xx`), or why no answer came. */
  readonly code: string;
  readonly seconds: number;
}

/** What all questions share. */
export interface Surroundings {
  readonly settings: RegistrySettings;
  /** Undefined: what Node trusts. */
  readonly secureContext: SecureContext | undefined;
  /** Aborted when the controller stops. */
  readonly stop: AbortSignal;
  readonly onRequest: (record: RequestRecord) => void;
  /** Called with an unexpected error that ended a check. Never throws. */
  readonly onError: (error: unknown) => void;
  readonly lookups: Lookups;
}

/** @throws Error where the certificates are not PEM. */
export function trust(certificateAuthorities: string | undefined): SecureContext | undefined {
  if (certificateAuthorities === undefined) return undefined;
  return createSecureContext({ ca: [...getCACertificates('default'), certificateAuthorities] });
}

/**
 * The connections of one question. They are not shared with others: what one question learns about addresses (that
 * its registry is a private one) must not open a way for another.
 */
export class Connections implements Disposable {
  readonly #around: Surroundings;
  readonly #namespace: string;
  readonly #limit: TimeLimit;
  readonly #dispatchers = new Map<string, Dispatcher>();
  #registryIsPrivate = false;
  /** Whether a look-up waited for a place: one of the present request, and one of any request. */
  #lookupWaited = false;
  #anyLookupWaited = false;

  /** @param namespace - the namespace whose share of the DNS look-ups it uses */
  constructor(around: Surroundings, namespace: string) {
    this.#around = around;
    this.#namespace = namespace;
    this.#limit = new TimeLimit(around.settings.questionTimeout, around.stop);
  }

  /**
   * Sends a request and reads its answer, bounded in size and time.
   *
   * @throws Settled where no answer comes that can be read.
   */
  async send(wanted: RegistryRequest): Promise<Reply> {
    if (isDenied(wanted.url, this.#around.settings)) throw denied(wanted);
    this.#lookupWaited = false;
    const begun = performance.now();
    let code = 'NetworkFailure';
    try {
      const reply = await this.#exchange(wanted);
      code = codeLabel(reply.status);
      return reply;
    } catch (error) {
      const why = this.#reasonOf(error, wanted.url);
      code = why;
      throw unreachable(why, wanted.kind);
    } finally {
      this.#around.onRequest({ kind: wanted.kind, code, seconds: (performance.now() - begun) / 1_000 });
    }
  }

  [Symbol.dispose](): void {
    this.#limit[Symbol.dispose]();
    for (const dispatcher of this.#dispatchers.values()) dispatcher.destroy().catch(() => undefined);
  }

  async #exchange(wanted: RegistryRequest): Promise<Reply> {
    using limit = new TimeLimit(this.#around.settings.requestTimeout, this.#limit.signal);
    let interim = 0;
    const onInfo = () => {
      interim += 1;
      if (interim > MAX_INTERIM) limit.abort();
    };
    try {
      // undici obeys the signal only once it has a connection.
      return await limit.race(this.#request(wanted, limit.signal, onInfo));
    } catch (error) {
      if (this.#around.stop.aborted) throw new ReplyError('Stopped');
      if (interim > MAX_INTERIM) throw new ReplyError('BadReply');
      if (limit.signal.aborted) throw new ReplyError('Timeout');
      throw error;
    }
  }

  async #request(wanted: RegistryRequest, signal: AbortSignal, onInfo: () => void): Promise<Reply> {
    const { statusCode, headers, body } = await request(wanted.url, {
      dispatcher: this.#dispatcher(wanted),
      method: wanted.method,
      headers: {
        'user-agent': 'image-credential-binding',
        'accept-encoding': 'identity',
        ...wanted.headers,
      },
      body: wanted.body ?? null,
      signal,
      onInfo,
    });
    const text =
      wanted.reads?.(statusCode) === true ? await readText(body) : await discard(body, headers, signal);
    return { status: statusCode, headers: listed(headers), body: text };
  }

  #reasonOf(error: unknown, url: URL): UnreachableReason {
    const why = error instanceof ReplyError ? error.why : reasonOf(error);
    // The time went to other look-ups for this namespace, and says nothing about the registry.
    const waited = this.#limit.signal.aborted ? this.#anyLookupWaited : this.#lookupWaited;
    if (why === 'Timeout' && waited) return 'LookupDelayed';
    // Where there is a proxy, it is what a connection is made to.
    const proxied = proxyFor(url, this.#around.settings.proxy) !== undefined;
    return proxied && CONNECTION_REASONS.has(why) ? 'ProxyFailure' : why;
  }

  #dispatcher({ url, party }: RegistryRequest): Dispatcher {
    const proxy = proxyFor(url, this.#around.settings.proxy);
    const verified = !names(this.#around.settings.insecure, url.host);
    const key = `${party} ${verified} ${proxy?.href ?? ''}`;
    const dispatcher = this.#dispatchers.get(key) ?? this.#newDispatcher(party, verified, proxy);
    this.#dispatchers.set(key, dispatcher);
    // The proxy resolves names; an address that is written out can be told here.
    if (proxy !== undefined && !this.#mayAsk(url.hostname, party, url.host))
      throw new AddressForbiddenError();
    return dispatcher;
  }

  #newDispatcher(party: Party, verified: boolean, proxy: URL | undefined): Dispatcher {
    const { settings, secureContext } = this.#around;
    const timeout = settings.requestTimeout;
    const trusted = secureContext === undefined ? {} : { secureContext };
    // The bounds on headers are those of HTTP/1.1.
    const http1 = { allowH2: false } as const;
    const tls = { ...http1, ...(verified ? trusted : { rejectUnauthorized: false }) };
    const pool = { ...http1, pipelining: 1, maxHeaderSize: MAX_HEADERS } as const;
    if (proxy === undefined)
      return new Agent({ ...pool, connect: this.#connector(party, { ...tls, timeout }) });
    return new ProxyAgent({
      ...pool,
      uri: proxy.href,
      connectTimeout: timeout,
      requestTls: tls,
      proxyTls: { ...http1, ...trusted, lookup: this.#lookup('', (addresses) => addresses) },
    });
  }

  /** Connects only to addresses that may be asked: the one that is checked is the one that is connected to. */
  #connector(party: Party, options: buildConnector.BuildOptions): buildConnector.connector {
    const connectors = new Map<string, buildConnector.connector>();
    return (wanted, callback) => {
      const authority = wanted.host ?? wanted.hostname;
      const mayAsk = (address: string) => this.#mayAsk(address, party, authority);
      if (isIP(unbracketed(wanted.hostname)) !== 0 && !mayAsk(wanted.hostname)) {
        callback(new AddressForbiddenError(), null);
        return;
      }
      const lookup = this.#lookup(this.#namespace, (addresses) => permitted(addresses, mayAsk));
      const connect = connectors.get(authority) ?? buildConnector({ ...options, lookup });
      connectors.set(authority, connect);
      connect(wanted, (...result) => {
        const address = result[1]?.remoteAddress;
        if (party === 'registry' && address !== undefined) {
          this.#registryIsPrivate = this.#kindOf(address) === 'private';
        }
        callback(...result);
      });
    };
  }

  /** @param choose - selects the addresses that are allowed; throws if there are none */
  #lookup(namespace: string, choose: (addresses: Addresses) => Addresses): LookupFunction {
    return (hostname, options: LookupOptions, callback) => {
      const { addresses, waits } = this.#around.lookups.find(namespace, hostname);
      if (waits) {
        this.#lookupWaited = true;
        this.#anyLookupWaited = true;
      }
      const tell = (found: Addresses) => {
        const { address = '', family = 0 } = found[0] ?? {};
        if (options.all === true) callback(null, [...found]);
        else callback(null, address, family);
      };
      addresses
        .then(choose)
        .then(tell, (error: Error) => callback(error, '', 0))
        .catch(this.#around.onError);
    };
  }

  /** @param address - for a name, which only the proxy can resolve, the answer is yes */
  #mayAsk(address: string, party: Party, authority: string): boolean {
    if (isIP(unbracketed(address)) === 0) return true;
    const kind = this.#kindOf(address);
    if (kind !== 'private') return kind === 'public';
    const { privateRealms } = this.#around.settings;
    return party === 'registry' || this.#registryIsPrivate || names(privateRealms, authority);
  }

  #kindOf(address: string): AddressKind {
    const { localAddresses } = this.#around.settings;
    return localAddresses.includes(unbracketed(address)) ? 'private' : addressKind(address);
  }
}

const CONNECTION_REASONS: ReadonlySet<UnreachableReason> = new Set([
  'ConnectionRefused',
  'NetworkUnreachable',
  'DnsFailure',
]);

type Party = RegistryRequest['party'];

/** An answer that is not read to its end, and why. */
class ReplyError extends Error {
  readonly why: UnreachableReason;

  constructor(why: UnreachableReason) {
    super(why);
    this.why = why;
  }
}

type Addresses = readonly LookupAddress[];

/**
 * The allowed addresses of a host name. A forbidden address does not exclude the others.
 *
 * @throws AddressForbiddenError if there are none
 */
function permitted(addresses: Addresses, mayAsk: (address: string) => boolean): Addresses {
  const found = addresses.filter(({ address }) => mayAsk(address));
  if (found.length === 0) throw new AddressForbiddenError();
  return found;
}

/** The result of a request to a host on the deny list. The request is not sent. */
function denied({ kind, party }: RegistryRequest): Settled {
  if (kind === 'token') return unreachable('RealmForbidden', kind);
  return party === 'other'
    ? unreachable('RedirectRefused', kind)
    : new Settled({ result: 'NotAllowed', by: 'DenyList' });
}

async function readText(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    // Without an encoding a Readable gives Buffers.
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size > MAX_BODY) throw new ReplyError('TooLarge');
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A body that is announced as short is read away, so that the connection can be used again; any other is cut off. */
async function discard(
  body: Dispatcher.ResponseData['body'],
  headers: Dispatcher.ResponseData['headers'],
  signal: AbortSignal,
): Promise<''> {
  const length = Number(headers['content-length'] ?? Number.NaN);
  if (length <= MAX_UNREAD_BODY) await body.dump({ limit: MAX_UNREAD_BODY, signal });
  else body.on('error', () => undefined).destroy();
  return '';
}

function listed(headers: Dispatcher.ResponseData['headers']): Reply['headers'] {
  const all: Record<string, readonly string[]> = Object.create(null);
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) all[name] = typeof value === 'string' ? [value] : value;
  }
  return all;
}

const TOLD_STATUSES: ReadonlySet<number> = new Set([200, 400, 401, 403, 404, 405, 429, 500, 502, 503, 504]);

function codeLabel(status: number): string {
  return TOLD_STATUSES.has(status) ? String(status) : `${Math.floor(status / 100)}xx`;
}

function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
