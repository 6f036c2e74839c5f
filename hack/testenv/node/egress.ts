/**
 * Connects the API server to pods: `node egress.ts SOCKET` runs in the node's network, and is a proxy (HTTP CONNECT) on a Unix
 * socket, which processes in all networks can reach. The proxy prints `ready` when it listens.
 */
import { createServer } from 'node:http';
import { connect } from 'node:net';

const [path = ''] = process.argv.slice(2);
const server = createServer();
server.on('connect', ({ url = '' }, client, head) => {
  const { hostname, port } = new URL(`http://${url}`);
  const pod = connect({ host: hostname, port: Number(port) }, () => {
    client.write('HTTP/1.1 200 OK\r\n\r\n');
    pod.write(head);
    pod.pipe(client).pipe(pod);
  });
  pod.on('error', () => client.destroy()).on('close', () => client.destroy());
  client.on('error', () => pod.destroy()).on('close', () => pod.destroy());
});
server.listen(path, () => process.stdout.write('ready\n'));
