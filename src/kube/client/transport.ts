import type { RequestOptions } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { PriorityLimiter } from '../../concurrency/index.ts';

/** As in client-go. */
const CREDENTIALS_MAX_AGE_MS = 60_000;
const CONNECT_TIMEOUT_MS = 10_000;
const REQUEST_CONNECTIONS = 16;

/** Where a request goes and what it is sent with. */
export interface Connection {
  readonly origin: string;
  /** What comes before `/api` and `/apis`, where the server is behind a path; else empty. */
  readonly pathPrefix: string;
  readonly headers: Readonly<Record<string, string>>;
  /** For requests that end: at most 16 connections. */
  readonly requests: Dispatcher;
  /** For watches: each holds a connection of its own, so they must not crowd out requests. */
  readonly watches: Dispatcher;
}

type Pools = Pick<Connection, 'requests' | 'watches'>;

/**
 * Connections to the API server of a KubeConfig, shared by all requests. client-node opens a new connection for
 * each request; here it only says which server, which TLS material and which headers. HTTP/1.1 on purpose: with
 * the API server's `--goaway-chance`, requests over HTTP/2 hang.
 */
export class Transport {
  /** A request that has a place here gets a connection at once. */
  readonly requestLimiter = new PriorityLimiter(REQUEST_CONNECTIONS);
  readonly #config: KubeConfig;
  readonly #credentialsMaxAgeMs: number;
  readonly #closing = new AbortController();
  #current:
    | { readonly connection: Connection; readonly material: string; readonly readAt: number }
    | undefined;
  #reading: Promise<Connection> | undefined;

  /**
   * @param config - says which server, and names the files of certificates and tokens
   * @param credentialsMaxAgeMs - after this time these files are read again; client-node keeps a token for 60 s by itself
   */
  constructor(config: KubeConfig, credentialsMaxAgeMs = CREDENTIALS_MAX_AGE_MS) {
    this.#config = config;
    this.#credentialsMaxAgeMs = credentialsMaxAgeMs;
  }

  /**
   * The connection to use now. New TLS material gets new pools; requests under way on the old ones finish.
   *
   * @throws Error where the KubeConfig names no cluster, or a proxy that is not supported.
   */
  async connection(): Promise<Connection> {
    const current = this.#current;
    if (current !== undefined && performance.now() - current.readAt < this.#credentialsMaxAgeMs)
      return current.connection;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Waits, but no longer than the transport is open and the signal has not come. */
  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    const closing = this.#closing.signal;
    const either = signal === undefined ? closing : AbortSignal.any([closing, signal]);
    await sleep(milliseconds, undefined, { signal: either }).catch(() => undefined);
  }

  /**
   * Ends all connections at once; a request that is under way fails. What is under way on older TLS material ends by its
   * own time-out or signal.
   */
  async close(): Promise<void> {
    this.#closing.abort();
    const current = this.#current;
    this.#current = undefined;
    if (current !== undefined) await destroy(current.connection);
  }

  async #read(): Promise<Connection> {
    this.#refuseWhenClosed();
    const cluster = this.#config.getCurrentCluster();
    if (cluster === null)
      throw new Error('the kubeconfig has no current cluster: set KUBECONFIG or a current-context');
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    this.#refuseWhenClosed();
    const material = tlsMaterial(options);
    const previous = this.#current;
    const pools = previous?.material === material ? previous.connection : this.#newPools(options);
    const server = new URL(cluster.server);
    const connection: Connection = {
      origin: server.origin,
      pathPrefix: server.pathname.replace(/\/+$/, ''),
      headers: headersOf(options),
      requests: pools.requests,
      watches: pools.watches,
    };
    this.#current = { connection, material, readAt: performance.now() };
    if (previous !== undefined && previous.material !== material) closeGently(previous.connection);
    return connection;
  }

  #refuseWhenClosed(): void {
    if (this.#closing.signal.aborted) throw new Error('the connection to the API server is closed');
  }

  #newPools(options: RequestOptions): Pools {
    const proxy = this.#config.getCurrentCluster()?.proxyUrl;
    if (proxy?.startsWith('socks')) {
      throw new Error(
        'the proxy-url of the kubeconfig is a SOCKS proxy, which is not supported: use an HTTP proxy',
      );
    }
    const tls = tlsOptions(options);
    const pool = (connections: number | null): Dispatcher => {
      const settings = { allowH2: false, connections, pipelining: 1 };
      return proxy === undefined || proxy === ''
        ? new Agent({ ...settings, connect: { ...tls, timeout: CONNECT_TIMEOUT_MS } })
        : new ProxyAgent({ ...settings, uri: proxy, requestTls: tls });
    };
    return { requests: pool(REQUEST_CONNECTIONS), watches: pool(null) };
  }
}

type TlsOptions = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>;

/** Those that are set, for `undefined` would switch verification off. */
function tlsOptions(options: RequestOptions): TlsOptions {
  const { ca, cert, key, servername, rejectUnauthorized } = options;
  const all = { ca, cert, key, servername, rejectUnauthorized };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Watches may go on for minutes on the old material: the server ends them. */
function closeGently(pools: Pools): void {
  for (const pool of [pools.requests, pools.watches]) pool.close().catch(() => undefined);
}

async function destroy(pools: Pools): Promise<void> {
  await Promise.all([pools.requests.destroy(), pools.watches.destroy()]);
}

function tlsMaterial(options: RequestOptions): string {
  return [options.ca, options.cert, options.key, options.servername, options.rejectUnauthorized]
    .map(String)
    .join('\n');
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {}))
    headers[name.toLowerCase()] = String(value);
  if (typeof options.auth === 'string') {
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return headers;
}
