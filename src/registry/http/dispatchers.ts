import type { LookupAddress, LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector, type Dispatcher, ProxyAgent, request } from 'undici';
import { includesHost } from '../host.ts';
import { type AddressKind, addressKind } from './address.ts';
import type { CheckContext } from './check-context.ts';
import { AddressForbiddenError } from './network-error.ts';
import { proxyFor } from './proxy.ts';
import type { RegistryRequest } from './request.ts';

/** Limit on the headers of an answer, in bytes. */
const MAX_HEADERS = 32 * 1024;

type Party = RegistryRequest['party'];

/**
 * The dispatchers of one check. They connect only to addresses that may be contacted. They are not shared with other checks,
 * because a check with a registry at a private address may contact more addresses than others.
 */
export class Dispatchers implements Disposable {
  readonly #context: CheckContext;
  readonly #namespace: string;
  readonly #onLookupWait: () => void;
  readonly #dispatchers = new Map<string, Dispatcher>();
  #registryIsPrivate = false;

  /**
   * @param namespace - the namespace whose share of the DNS look-ups it uses
   * @param onLookupWait - called when a look-up waits for a place
   */
  constructor(context: CheckContext, namespace: string, onLookupWait: () => void) {
    this.#context = context;
    this.#namespace = namespace;
    this.#onLookupWait = onLookupWait;
  }

  [Symbol.dispose](): void {
    for (const dispatcher of this.#dispatchers.values()) dispatcher.destroy().catch(() => undefined);
  }

  /**
   * Sends a request.
   *
   * @throws AddressForbiddenError if the request goes through a proxy to an address that must not be contacted; any error of
   *   the network
   */
  async send(wanted: RegistryRequest, options: Parameters<typeof request>[1]): ReturnType<typeof request> {
    return request(wanted.url, { ...options, dispatcher: this.#of(wanted) });
  }

  /** @throws AddressForbiddenError if the request goes through a proxy to an address that must not be contacted */
  #of({ url, party }: RegistryRequest): Dispatcher {
    const proxy = proxyFor(url, this.#context.settings.proxy);
    const verified = !includesHost(this.#context.settings.insecure, url.host);
    const key = `${party} ${verified} ${proxy?.href ?? ''}`;
    const dispatcher = this.#dispatchers.get(key) ?? this.#newDispatcher(party, verified, proxy);
    this.#dispatchers.set(key, dispatcher);
    // The proxy resolves names. Only an address in the URL can be checked here.
    if (proxy !== undefined && !this.#mayContact(url.hostname, party, url.host))
      throw new AddressForbiddenError();
    return dispatcher;
  }

  #newDispatcher(party: Party, verified: boolean, proxy: URL | undefined): Dispatcher {
    const { settings, secureContext } = this.#context;
    const timeout = settings.requestTimeout;
    const trusted = secureContext === undefined ? {} : { secureContext };
    // The limits on headers apply only to HTTP/1.1.
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

  /** Connects only to allowed addresses: the address that is checked is the address that is connected to. */
  #connector(party: Party, options: buildConnector.BuildOptions): buildConnector.connector {
    const connectors = new Map<string, buildConnector.connector>();
    return (wanted, callback) => {
      const authority = wanted.host ?? wanted.hostname;
      const mayContact = (address: string) => this.#mayContact(address, party, authority);
      if (isIP(unbracketed(wanted.hostname)) !== 0 && !mayContact(wanted.hostname)) {
        callback(new AddressForbiddenError(), null);
        return;
      }
      const lookup = this.#lookup(this.#namespace, (addresses) => permitted(addresses, mayContact));
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
      const { addresses, waits } = this.#context.lookups.find(namespace, hostname);
      if (waits) this.#onLookupWait();
      const deliver = (found: Addresses) => {
        const { address = '', family = 0 } = found[0] ?? {};
        if (options.all === true) callback(null, [...found]);
        else callback(null, address, family);
      };
      addresses
        .then(choose)
        .then(deliver, (error: Error) => callback(error, '', 0))
        .catch(this.#context.onError);
    };
  }

  /** @param address - an address, or a name that only the proxy can resolve, which is always allowed */
  #mayContact(address: string, party: Party, authority: string): boolean {
    if (isIP(unbracketed(address)) === 0) return true;
    const kind = this.#kindOf(address);
    if (kind !== 'private') return kind === 'public';
    const { privateRealms } = this.#context.settings;
    return party === 'registry' || this.#registryIsPrivate || includesHost(privateRealms, authority);
  }

  #kindOf(address: string): AddressKind {
    const { localAddresses } = this.#context.settings;
    return localAddresses.includes(unbracketed(address)) ? 'private' : addressKind(address);
  }
}

type Addresses = readonly LookupAddress[];

/**
 * The allowed addresses of a host name. A forbidden address does not exclude the others.
 *
 * @throws AddressForbiddenError if there are none
 */
function permitted(addresses: Addresses, mayContact: (address: string) => boolean): Addresses {
  const found = addresses.filter(({ address }) => mayContact(address));
  if (found.length === 0) throw new AddressForbiddenError();
  return found;
}

function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
