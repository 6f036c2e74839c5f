import type { Socket } from 'node:net';

/**
 * Limit on the size of a body, in bytes. The API server stores objects of at most 1.5 MiB
 * (https://etcd.io/docs/latest/dev-guide/limit/), and a review quotes the object once. So no patch makes a Scan too large.
 */
export const LARGEST_BODY = 1024 * 1024;
/** Limits for one client, so that no client can block the API server: connections, and bytes of bodies that are being read. */
const MOST_CONNECTIONS = 512;
const MOST_BUFFERED = 8 * 1024 * 1024;
/** Limit on the bytes of the bodies of all clients. */
const MOST_BUFFERED_IN_ALL = 64 * 1024 * 1024;

/** What a client occupies. */
interface Client {
  connections: number;
  buffered: number;
}

/** A body that is being read. */
interface Body {
  /** Counts bytes that were read. Returns whether the body, and all bodies together, are still small enough. */
  readonly take: (bytes: number) => boolean;
  /** Call this when the bytes are no longer kept. */
  readonly release: () => void;
}

/** The clients of the server, by remote address. */
export class Clients {
  readonly #clients = new Map<string, Client>();
  #buffered = 0;

  /** Counts a connection until it is closed. Closes the connection at once if its client has too many. */
  admit(socket: Socket): void {
    const { remoteAddress = '' } = socket;
    const client = this.#clientAt(remoteAddress);
    client.connections += 1;
    this.#clients.set(remoteAddress, client);
    socket.once('close', () => {
      client.connections -= 1;
      if (client.connections === 0) this.#clients.delete(remoteAddress);
    });
    if (client.connections > MOST_CONNECTIONS) socket.destroy();
  }

  /** Begins a body that arrives on a connection. */
  begin({ remoteAddress = '' }: Pick<Socket, 'remoteAddress'>): Body {
    const client = this.#clientAt(remoteAddress);
    let size = 0;
    const count = (bytes: number) => {
      size += bytes;
      client.buffered += bytes;
      this.#buffered += bytes;
    };
    return {
      take: (bytes) => {
        count(bytes);
        const isSmall = size <= LARGEST_BODY && client.buffered <= MOST_BUFFERED;
        return isSmall && this.#buffered <= MOST_BUFFERED_IN_ALL;
      },
      release: () => count(-size),
    };
  }

  #clientAt(remoteAddress: string): Client {
    return this.#clients.get(remoteAddress) ?? { connections: 0, buffered: 0 };
  }
}
