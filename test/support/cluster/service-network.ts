import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Lets the API server reach Services, although there are no nodes: it connects to the addresses of Services through this
 * proxy (https://kubernetes.io/docs/tasks/extend-kubernetes/setup-konnectivity/), which connects to the given ports of this
 * machine in turn. The API server still looks up the Service, and verifies the certificate for its name.
 */
export class ServiceNetwork implements AsyncDisposable {
  /** Ports on 127.0.0.1, used as the pods of the Service. */
  targets: readonly number[] = [];
  /** The flags of the API server. */
  readonly apiServerArgs: readonly string[];
  readonly #server: Server;
  readonly #directory: string;
  readonly #sockets = new Set<Socket>();
  #next = 0;

  private constructor(server: Server, directory: string, config: string) {
    this.#server = server;
    this.#directory = directory;
    this.apiServerArgs = [`--egress-selector-config-file=${config}`];
  }

  static async start(): Promise<ServiceNetwork> {
    const directory = await mkdtemp(join(tmpdir(), 'icb-services-'));
    const server = createServer();
    // kube-apiserver 1.37 panics over a proxy by TCP without TLS.
    const udsName = join(directory, 'proxy.sock');
    await new Promise<void>((resolve) => server.listen(udsName, resolve));
    const config = join(directory, 'egress.json');
    const connection = {
      proxyProtocol: 'HTTPConnect',
      transport: { uds: { udsName } },
    };
    const selector = {
      apiVersion: 'apiserver.k8s.io/v1beta1',
      kind: 'EgressSelectorConfiguration',
      egressSelections: [{ name: 'cluster', connection }],
    };
    await writeFile(config, JSON.stringify(selector));
    const network = new ServiceNetwork(server, directory, config);
    server.on('connect', (_request, socket: Socket, head) => network.#connect(socket, head));
    return network;
  }

  /** Cuts all connections, so that the API server has to open new ones. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await rm(this.#directory, { recursive: true });
  }

  #connect(client: Socket, head: Buffer): void {
    client.on('error', () => undefined);
    const port = this.targets[this.#next++ % this.targets.length];
    if (port === undefined) {
      client.end('HTTP/1.1 503 Service Unavailable\r\n\r\n');
      return;
    }
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
