/**
 * Makes servers of this machine's loopback reachable in a node's network: `node relay.ts NAMESPACES ADDRESS:PORT=PORT…`.
 * NAMESPACES is the ID of a process in the node's namespaces, ADDRESS:PORT is in the node's network, and the second port is
 * on 127.0.0.1 of this machine. It prints `ready` when all are reachable. The two networks have no other connection.
 */
import { fork } from 'node:child_process';
import { connect, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

const [namespaces = '', ...routes] = process.argv.slice(2);

await Promise.all(routes.map(open));
process.stdout.write('ready\n');

async function open(route: string): Promise<void> {
  const [, address = '', port = '', target = ''] = /^(.+):(\d+)=(\d+)$/.exec(route) ?? [];
  const server = await listenInside(address, port);
  server.on('connection', (socket: Socket) => {
    connectBoth(socket, connect({ host: '127.0.0.1', port: Number(target), allowHalfOpen: true }));
  });
}

function listenInside(address: string, port: string): Promise<Server> {
  const listener = fork(join(import.meta.dirname, 'listen.ts'), [address, port], {
    execPath: 'nsenter',
    execArgv: [`--net=/proc/${namespaces}/ns/net`, process.execPath],
  });
  const { promise, resolve, reject } = Promise.withResolvers<Server>();
  listener.once('message', (_, server) => {
    listener.disconnect();
    // The only message carries the server.
    resolve(server as Server);
  });
  listener.once('exit', (code) => reject(new Error(`cannot listen on ${address}:${port}: code ${code}`)));
  return promise;
}

/** Copies both directions. When one socket fails, both are destroyed. */
function connectBoth(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on('error', () => to.destroy());
    from.setNoDelay(true);
    from.pipe(to);
  }
}
