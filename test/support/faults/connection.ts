import type { ClientRequest } from 'node:http';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';

/** Headers that belong to one hop (RFC 9110, 7.6.1) and that Node writes itself. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection']);

export interface Upstream {
  readonly url: URL;
  /** The certificate authority of its certificate; `undefined`: the authorities that Node trusts. */
  readonly ca: string | undefined;
}

/**
 * A client's connection and the upstream connection behind it. They end together, so that the client notices whatever
 * happens to the upstream connection.
 */
export class ProxiedConnection {
  readonly #socket: Socket;
  readonly #upstream: Upstream;
  readonly #agent: HttpAgent;
  readonly #paired = new WeakSet<Socket>();
  readonly closed: Promise<void>;
  /** The stream that carries HTTP: the socket itself, or the TLS on it; `undefined`: before the first request. */
  #stream: Socket | undefined;
  #underWay = 0;

  constructor(socket: Socket, upstream: Upstream) {
    this.#socket = socket;
    this.#upstream = upstream;
    const settings = { keepAlive: true, maxSockets: 1 };
    this.#agent =
      upstream.url.protocol === 'https:'
        ? new HttpsAgent({ ...settings, ...(upstream.ca === undefined ? {} : { ca: upstream.ca }) })
        : new HttpAgent(settings);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    // The error of a connection that its client cut is not reported.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#agent.destroy();
      resolve();
    });
  }

  /** Counts the request that arrived on `stream` as in progress until the returned function is called. */
  begin(stream: Socket): () => void {
    this.#stream = stream;
    this.#underWay += 1;
    return () => {
      this.#underWay -= 1;
    };
  }

  /** Ends it at once with a reset (RST), as a restarted machine does. */
  reset(): void {
    if (this.#socket.destroyed) return;
    // libuv resets no socket that is shutting down (UV_EINVAL), and Node would then never close it.
    if (this.#stream === undefined || this.#stream.writableEnded) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  /** The same request to the upstream. The caller still has to write its body. */
  request(incoming: IncomingMessage): ClientRequest {
    const { url } = this.#upstream;
    const make = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = make({
      host: url.hostname,
      port: url.port,
      method: incoming.method,
      path: incoming.url,
      headers: endToEnd(incoming.rawHeaders),
      agent: this.#agent,
    });
    request.once('socket', (socket) => this.#pair(socket));
    return request;
  }

  #pair(upstream: Socket): void {
    if (this.#paired.has(upstream)) return;
    this.#paired.add(upstream);
    upstream.once('close', () => {
      if (this.#underWay === 0) this.#socket.destroy();
    });
  }
}

/** Header lines as they came, without hop-by-hop headers. Names and values alternate. */
export function endToEnd(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const [name = '', value = ''] = raw.slice(index, index + 2);
    if (!HOP_BY_HOP.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}
