import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Clients, LARGEST_BODY } from '../../../src/admission/clients.ts';

const OTHER = { remoteAddress: '192.0.2.1' };

describe('the bodies that clients of the webhook send', () => {
  const server = createServer();
  let client: Socket;
  let accepted: Socket;

  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    // A server that listens on a port has an AddressInfo.
    client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    [accepted] = await once(server, 'connection');
  });
  after(() => {
    client.destroy();
    server.close();
  });

  it('are limited in size', () => {
    const body = new Clients().begin(OTHER);
    assert.ok(body.take(LARGEST_BODY));
    assert.equal(body.take(1), false);
  });

  it('are limited for each client together, and do not keep another client out', () => {
    const clients = new Clients();
    clients.admit(accepted);
    const bodies = Array.from({ length: 9 }, () => clients.begin(accepted));
    const taken = bodies.map((body) => body.take(LARGEST_BODY));
    assert.deepEqual(taken, [...Array(8).fill(true), false]);
    assert.ok(clients.begin(OTHER).take(LARGEST_BODY));
    for (const body of bodies) body.release();
    assert.ok(clients.begin(accepted).take(LARGEST_BODY));
  });
});
