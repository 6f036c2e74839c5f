/**
 * Listens on an address of the network namespace in which it runs, and sends the socket to its parent, which may be in
 * another one: `node listen.ts ADDRESS PORT`. A socket stays in the namespace in which it was created.
 */
import { createServer } from 'node:net';

const [address = '', port = ''] = process.argv.slice(2);
const server = createServer();
// The parent has its own copy of the socket when it disconnects. This process must not accept any connection.
process.once('disconnect', () => process.exit(0));
server.listen(Number(port), address, () => process.send?.('listening', server));
