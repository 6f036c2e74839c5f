import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';

/** A test server on loopback, over plain HTTP. */
export interface TestServer extends AsyncDisposable {
  readonly port: number;
  /** Number of open connections. */
  readonly open: () => number;
}

/** A server that answers. */
export function answering(listener: RequestListener): Promise<TestServer> {
  const server = createServer(listener);
  return started(server, () => server.closeAllConnections());
}

/** Answers that the repository is unknown. Unlike an answer about one version, all namespaces share this one. */
export function knowNoRepository(response: ServerResponse): void {
  response.writeHead(404).end(JSON.stringify({ errors: [{ code: 'NAME_UNKNOWN' }] }));
}

/** A server that accepts connections, on all addresses of loopback, and never answers. */
export function silent(): Promise<TestServer> {
  return started(createTcpServer(), () => undefined);
}

async function started(server: ReturnType<typeof createTcpServer>, close: () => void): Promise<TestServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.resume();
  });
  await new Promise<void>((listening) => server.listen(0, listening));
  return {
    // A TCP server has an address with a port.
    port: (server.address() as AddressInfo).port,
    open: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      close();
      await new Promise((closed) => server.close(closed));
    },
  };
}
