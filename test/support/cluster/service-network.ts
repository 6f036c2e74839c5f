import { createServer, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { ControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { serviceSocket } from '../../../hack/testenv/control-plane/egress.ts';

/**
 * Lets the API server reach Services, although there are no nodes: it connects to the addresses of Services through this
 * proxy, which connects to the given ports of this machine in turn. The API server still looks up the Service, and verifies the
 * certificate for its name.
 */
export class ServiceNetwork implements AsyncDisposable {
  /** Ports on 127.0.0.1, used as the pods of the Service. */
  targets: readonly number[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #next = 0;
  #opened = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param controlPlane - started with `services` */
  static async start({ directory }: ControlPlane): Promise<ServiceNetwork> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(serviceSocket(directory), resolve));
    const network = new ServiceNetwork(server);
    server.on('connect', (_request, socket: Socket, head) => network.#connect(socket, head));
    return network;
  }

  /** How many connections the API server has opened to a pod. */
  get opened(): number {
    return this.#opened;
  }

  /** How many of them are open. */
  get open(): number {
    return this.#sockets.size / 2;
  }

  /** Cuts all connections, so that the API server has to open new ones. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #connect(client: Socket, head: Buffer): void {
    client.on('error', () => undefined);
    const port = this.targets[this.#next++ % this.targets.length];
    if (port === undefined) {
      client.end('HTTP/1.1 503 Service Unavailable\r\n\r\n');
      return;
    }
    this.#opened += 1;
    const server = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      server.write(head);
      server.pipe(client).pipe(server);
    });
    server.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.on('close', () => server.destroy());
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    }
  }
}
