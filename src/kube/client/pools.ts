import type { RequestOptions } from 'node:https';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';

/** Connections to one server. */
export interface Pools {
  /** For ordinary requests: a limited number of connections. */
  readonly requests: Dispatcher;
  /** For watches: separate, because each watch occupies a connection, and watches must not crowd out requests. */
  readonly watches: Dispatcher;
}

/** What {@link newPools} needs beside TLS material. */
interface PoolSettings {
  /** URL of a proxy; undefined or empty: none. */
  readonly proxy: string | undefined;
  /** Limit on opening a connection, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Limit on the connections for ordinary requests. */
  readonly connections: number;
}

/**
 * Creates pools without connections. Uses HTTP/1.1 on purpose, because requests over HTTP/2 hang with the API server's
 * `--goaway-chance`.
 *
 * @param options - only their TLS material is used
 */
export function newPools(
  options: RequestOptions,
  { proxy, connectTimeoutMs, connections }: PoolSettings,
): Pools {
  const tls = tlsOptions(options);
  const pool = (limit: number | null): Dispatcher => {
    const settings = { allowH2: false, connections: limit, pipelining: 1 };
    return proxy === undefined || proxy === ''
      ? new Agent({ ...settings, connect: { ...tls, timeout: connectTimeoutMs } })
      : new ProxyAgent({ ...settings, uri: proxy, requestTls: tls });
  };
  return { requests: pool(connections), watches: pool(null) };
}

type TlsOptions = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>;

/** Only the options that are set, because `undefined` would disable verification. */
function tlsOptions(options: RequestOptions): TlsOptions {
  const { ca, cert, key, servername, rejectUnauthorized } = options;
  const all = { ca, cert, key, servername, rejectUnauthorized };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
