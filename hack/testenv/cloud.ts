/**
 * Clouds on loopback, for tests: TLS servers under the real host names. Clients reach them through a proxy that sends every
 * host name here. Sites decide what a host answers. Every request to a site is recorded. The proxy also leads to servers that use
 * plain HTTP.
 */
import { once } from 'node:events';
import {
  createServer as createPlain,
  type IncomingMessage,
  request as requestPlain,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecure } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Certificate } from './certificate.ts';

/** A request as a site sees it. */
export interface CloudRequest {
  /** In lower case. */
  readonly host: string;
  readonly method: string;
  readonly url: URL;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** User name and password of basic authentication. */
  readonly login: { readonly username: string; readonly password: string } | undefined;
}

/** The answer of a site. `Registry`: the answer of the registry behind it. */
export type CloudAnswer =
  | 'Registry'
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: object };

export type Site = (request: CloudRequest) => CloudAnswer;

/** Running clouds. */
export class Cloud implements AsyncDisposable {
  /** All requests, in order. */
  readonly seen: CloudRequest[] = [];
  /** Requested host names without a site. */
  readonly unknown: string[] = [];
  readonly #sites: Readonly<Record<string, Site>>;
  readonly #registry: string;
  readonly #front: Server;
  readonly #proxy: Server;
  readonly #sockets = new Set<Socket>();
  readonly #plain = new Map<string, string>();

  private constructor(certificate: Certificate, sites: Readonly<Record<string, Site>>, registry: string) {
    this.#sites = sites;
    this.#registry = registry;
    this.#front = createSecure(
      { key: certificate.key, cert: certificate.certificate },
      (request, response) => {
        void this.#answer(request, response);
      },
    );
    this.#proxy = createPlain((request, response) => this.#forward(request, response));
    this.#proxy.on('connect', (request: IncomingMessage, socket: Socket) =>
      this.#tunnel(request.url ?? '', socket),
    );
  }

  /**
   * @param certificate - a certificate for all hosts of the sites
   * @param sites - by host name
   * @param registry - `host:port` of a registry that uses plain HTTP and allows anonymous pulls
   */
  static async start(
    certificate: Certificate,
    sites: Readonly<Record<string, Site>>,
    registry: string,
  ): Promise<Cloud> {
    const cloud = new Cloud(certificate, sites, registry);
    for (const server of [cloud.#front, cloud.#proxy]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    return cloud;
  }

  /**
   * Lets clients reach a server that uses plain HTTP under another name. Such a server does not support TLS, so attempts to
   * use TLS with it fail as they do without the proxy.
   *
   * @param authority - `host:port` that clients use, in lower case
   * @param target - `host:port` of the server
   */
  addPlain(authority: string, target: string): void {
    this.#plain.set(authority, target);
  }

  /** URL of the proxy, for `HTTPS_PROXY` and `HTTP_PROXY`. */
  get proxy(): string {
    return `http://127.0.0.1:${portOf(this.#proxy)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of [this.#proxy, this.#front]) {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    }
  }

  /** Answers a request to the proxy that names a `http:` URL. */
  #forward(request: IncomingMessage, response: ServerResponse): void {
    const url = URL.parse(request.url ?? '');
    const target = url === null ? undefined : this.#plain.get(url.host);
    if (url === null || target === undefined) {
      response.writeHead(url === null ? 405 : 502).end();
      return;
    }
    const { method, headers } = request;
    const options = { method, headers, agent: false } as const;
    const sent = requestPlain(`http://${target}${url.pathname}${url.search}`, options, (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(response);
    });
    sent.on('error', () => response.destroy());
    request.pipe(sent);
  }

  #tunnel(authority: string, socket: Socket): void {
    const host = authority.replace(/:443$/, '').toLowerCase();
    const plain = this.#plain.get(host);
    if (plain === undefined && !Object.hasOwn(this.#sites, host)) {
      this.unknown.push(authority);
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const [target = '', port] = (plain ?? `127.0.0.1:${portOf(this.#front)}`).split(':');
    const front = connect(Number(port), target, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(front).pipe(socket);
    });
    for (const each of [socket, front]) {
      this.#sockets.add(each);
      each
        .on('error', () => undefined)
        .on('close', () => {
          this.#sockets.delete(each);
          socket.destroy();
          front.destroy();
        });
    }
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await read(incoming);
    this.seen.push(request);
    const answer = this.#sites[request.host]?.(request) ?? { status: 421 };
    if (answer === 'Registry') {
      this.#relay(request, response);
      return;
    }
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(JSON.stringify(answer.body ?? {}));
  }

  #relay({ method, url, headers }: CloudRequest, response: ServerResponse): void {
    const { authorization: _, ...rest } = headers;
    const path = `${url.pathname}${url.search}`;
    requestPlain(`http://${this.#registry}${path}`, { method, headers: rest, agent: false }, (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(response);
    })
      .on('error', () => response.destroy())
      .end();
  }
}

async function read(incoming: IncomingMessage): Promise<CloudRequest> {
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join() : (value ?? ''),
    ]),
  );
  const host = (headers['host'] ?? '').toLowerCase();
  return {
    host,
    method: incoming.method ?? '',
    url: new URL(incoming.url ?? '', `https://${host}`),
    headers,
    body: await text(incoming),
    login: loginIn(headers['authorization'] ?? ''),
  };
}

function loginIn(authorization: string): CloudRequest['login'] {
  const pair = /^Basic (.+)$/.exec(authorization)?.[1];
  if (pair === undefined) return undefined;
  const [username = '', ...password] = Buffer.from(pair, 'base64').toString().split(':');
  return { username, password: password.join(':') };
}

function portOf(server: Server): number {
  // A TCP server that listens has an AddressInfo.
  return (server.address() as AddressInfo).port;
}
