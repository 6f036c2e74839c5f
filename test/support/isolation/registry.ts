import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { pipeline } from 'node:stream';
import type { Certificate } from '../../../hack/testenv/certificate.ts';
import type { Registry } from '../../../hack/testenv/registry/registry.ts';

/** The user whom the shared registry limits. */
export const HOSTILE_USER = 'hostile';
const SIX_HOURS = '21600';

/**
 * A registry behind a server that terminates TLS and limits rates by user, like large registries: `HOSTILE_USER` gets 429 with a
 * `Retry-After` of six hours. Requests of others are forwarded.
 */
export class SharedRegistry implements AsyncDisposable {
  /** Host with port, as in an image reference. The host is a name, so that each check looks it up. */
  readonly host: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.host = `localhost:${portOf(server)}`;
  }

  /**
   * @param behind - the registry, reached over plain HTTP
   * @param certificate - a certificate for `localhost`
   */
  static async start(behind: Registry, certificate: Certificate): Promise<SharedRegistry> {
    const server = createSecureServer({ key: certificate.key, cert: certificate.certificate });
    server.on('request', (incoming, response) => {
      if (userOf(incoming) === HOSTILE_USER) response.writeHead(429, { 'retry-after': SIX_HOURS }).end();
      else forward(behind.host, incoming, response);
    });
    await listen(server);
    return new SharedRegistry(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

function forward(host: string, incoming: IncomingMessage, response: ServerResponse): void {
  const { method, url, headers } = incoming;
  const onward = request(`http://${host}${url}`, { method, headers: { ...headers, host } }, (answer) => {
    // The client may be gone.
    if (response.destroyed) return answer.destroy();
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    pipeline(answer, response, () => undefined);
  });
  onward.on('error', () => response.destroy());
  pipeline(incoming, onward, () => undefined);
}

function userOf({ headers }: IncomingMessage): string | undefined {
  const encoded = /^Basic (.+)$/.exec(headers.authorization ?? '')?.[1];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString().split(':')[0];
}

/** Registries that accept connections and never answer. */
export class SilentRegistries implements Disposable {
  /** Host with port of each. */
  readonly hosts: readonly string[];
  readonly #servers: readonly Server[];

  private constructor(servers: readonly Server[]) {
    this.#servers = servers;
    this.hosts = servers.map((server) => `127.0.0.1:${portOf(server)}`);
  }

  static async start(count: number): Promise<SilentRegistries> {
    const servers = Array.from({ length: count }, () =>
      // The client may reset the connection.
      createServer((socket) => socket.on('error', () => undefined).resume()),
    );
    await Promise.all(servers.map(listen));
    return new SilentRegistries(servers);
  }

  [Symbol.dispose](): void {
    for (const server of this.#servers) server.close().unref();
  }
}

async function listen(server: Server): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(0, '127.0.0.1', resolve);
  await promise;
}

function portOf(server: Server): number {
  // A TCP server that listens has an AddressInfo.
  return (server.address() as AddressInfo).port;
}
