import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from '@prometheus-io/client';

/** The answer to a probe: whether the process is healthy, and a short text for people. */
export interface Health {
  readonly ok: boolean;
  readonly text: string;
}

type Probe = () => Health;

export interface ServerOptions {
  /** undefined means all addresses. */
  readonly host: string | undefined;
  /** 0 means any free port. */
  readonly port: number;
  readonly healthz: Probe;
  readonly readyz: Probe;
  readonly metrics: Registry;
}

/** The HTTP server of probes and metrics: `/healthz`, `/readyz`, `/metrics`. */
export class ProbeServer {
  readonly #server: Server;
  readonly #options: ServerOptions;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      const path = request.url?.split('?', 1)[0] ?? '';
      this.#answer(path, response).catch((error: unknown) =>
        response.destroy(error instanceof Error ? error : undefined),
      );
    });
  }

  /** Listens, and resolves with the port. Rejects if the address is in use or does not belong to the host. */
  async start(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject).listen(this.#options.port, this.#options.host, resolve);
    await promise;
    // A TCP server that listens has an AddressInfo.
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await this.#server[Symbol.asyncDispose]();
  }

  async #answer(path: string, response: ServerResponse): Promise<void> {
    const { healthz, readyz, metrics } = this.#options;
    switch (path) {
      case '/healthz':
        return probe(response, healthz());
      case '/readyz':
        return probe(response, readyz());
      case '/metrics': {
        const text = await metrics.metrics();
        response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
        return;
      }
      default:
        send(response, 404, 'expected /healthz, /readyz or /metrics');
    }
  }
}

function probe(response: ServerResponse, { ok, text }: Health): void {
  send(response, ok ? 200 : 503, text);
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}
