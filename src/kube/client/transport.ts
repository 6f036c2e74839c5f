import type { RequestOptions } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Dispatcher } from 'undici';
import { PriorityLimiter } from '../../concurrency/index.ts';
import { connectionOptions, serverOf } from '../kubeconfig/index.ts';
import type { Pools } from './pools.ts';

/** As in client-go. */
const CREDENTIALS_MAX_AGE_MS = 60_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** Limit on connections for ordinary requests. */
const REQUEST_CONNECTIONS = 16;

/** The destination of a request, and what it is sent with. */
export interface Connection {
  readonly origin: string;
  /** The path before `/api` and `/apis`, if the server URL has one; otherwise empty. */
  readonly pathPrefix: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** For ordinary requests: at most 16 connections. */
  readonly requests: Dispatcher;
  /** For watches: separate, because each watch occupies a connection, and watches must not crowd out requests. */
  readonly watches: Dispatcher;
}

/**
 * Connections to the API server of a KubeConfig, shared by all requests. client-node opens a new connection for each request,
 * so it is used only to determine the server, the TLS material and the headers. Uses HTTP/1.1 on purpose, because requests
 * over HTTP/2 hang with the API server's `--goaway-chance`.
 */
export class Transport {
  /** A request that has a place here gets a connection at once. */
  readonly requestLimiter = new PriorityLimiter(REQUEST_CONNECTIONS);
  readonly #config: KubeConfig;
  readonly #credentialsMaxAgeMs: number;
  readonly #connectTimeoutMs: number;
  readonly #closing = new AbortController();
  #current:
    | { readonly connection: Connection; readonly material: string; readonly readAt: number }
    | undefined;
  #reading: Promise<Connection> | undefined;

  /**
   * @param config - names the server and the files of certificates and tokens
   * @param credentialsMaxAgeMs - these files are read again after this time; client-node itself caches a token for 60 s
   * @param connectTimeoutMs - limit on opening a connection. A process cannot exit while it opens a connection
   */
  constructor(
    config: KubeConfig,
    credentialsMaxAgeMs = CREDENTIALS_MAX_AGE_MS,
    connectTimeoutMs = CONNECT_TIMEOUT_MS,
  ) {
    this.#config = config;
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#credentialsMaxAgeMs = credentialsMaxAgeMs;
  }

  /**
   * The connection to use now. New TLS material gets new pools. Running requests on the old pools finish.
   *
   * @throws KubeConfigError if the KubeConfig cannot be used, or if its credential cannot be obtained
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

  /** Waits, but not longer than until the transport is closed or the signal is aborted. */
  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    const closing = this.#closing.signal;
    const either = signal === undefined ? closing : AbortSignal.any([closing, signal]);
    await sleep(milliseconds, undefined, { signal: either }).catch(() => undefined);
  }

  /**
   * Closes all connections at once, so running requests fail. Requests on older TLS material end with their own time-out or
   * signal.
   */
  async close(): Promise<void> {
    this.#closing.abort();
    const current = this.#current;
    this.#current = undefined;
    if (current !== undefined) await destroy(current.connection);
  }

  async #read(): Promise<Connection> {
    this.#assertOpen();
    const server = serverOf(this.#config);
    const options = await connectionOptions(this.#config, server);
    // Loading undici takes longer than starting Node, and most commands contact no server.
    const { newPools } = await import('./pools.ts');
    this.#assertOpen();
    const material = tlsMaterial(options);
    const previous = this.#current;
    const pools =
      previous?.material === material
        ? previous.connection
        : newPools(options, {
            proxy: this.#config.getCurrentCluster()?.proxyUrl,
            connectTimeoutMs: this.#connectTimeoutMs,
            connections: REQUEST_CONNECTIONS,
          });
    const connection: Connection = {
      origin: server.origin,
      pathPrefix: server.pathname.replace(/\/+$/, ''),
      headers: headersOf(options),
      requests: pools.requests,
      watches: pools.watches,
    };
    this.#current = { connection, material, readAt: performance.now() };
    if (previous !== undefined && previous.material !== material) closeWhenIdle(previous.connection);
    return connection;
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw new Error('the connection to the API server is closed');
  }
}

/** Watches may continue on the old material for minutes, until the server ends them. */
function closeWhenIdle(pools: Pools): void {
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

function headersOf(options: RequestOptions): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(options.headers ?? {}))
    headers[name.toLowerCase()] = Array.isArray(value) ? value.map(String) : String(value);
  if (typeof options.auth === 'string') {
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return headers;
}
