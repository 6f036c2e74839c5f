import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { readLog } from '../../../../hack/acceptance/pod-log.ts';
import { Transport } from '../../../../src/kube/client/transport.ts';

const PLACE = { namespace: 'shop', name: 'scan', container: 'trivy' };

/** Reads the log from a server that answers as `answer` does. Also returns the URL that was requested. */
async function read(
  context: TestContext,
  answer: (response: ServerResponse) => void,
): Promise<{ readonly lines: readonly string[]; readonly url: URL }> {
  let requested = '';
  const server = createServer((request, response) => {
    requested = request.url ?? '';
    answer(response);
  });
  context.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'test', server: origin }],
    users: [{ name: 'test' }],
    contexts: [{ name: 'test', cluster: 'test', user: 'test' }],
    currentContext: 'test',
  });
  const transport = new Transport(config);
  try {
    return { lines: await readLog(transport, PLACE), url: new URL(requested, origin) };
  } finally {
    await transport.close();
  }
}

describe('the log of a container', () => {
  it('is requested with a bound on lines and bytes', async (context) => {
    const { lines, url } = await read(context, (response) => response.end('one\ntwo\n'));
    assert.deepEqual(lines, ['one', 'two']);
    assert.equal(url.pathname, '/api/v1/namespaces/shop/pods/scan/log');
    assert.deepEqual(Object.fromEntries(url.searchParams), {
      ...{ container: 'trivy', tailLines: '30', limitBytes: '16384' },
    });
  });

  it('lacks its last line if it was cut there, because a part of a value cannot be recognized', async (context) => {
    const { lines } = await read(context, (response) => response.end(`first\n${'x'.repeat(20_000)}`));
    assert.deepEqual(lines, ['first']);
  });

  it('is reported as empty without output', async (context) => {
    const { lines } = await read(context, (response) => response.writeHead(204).end());
    assert.deepEqual(lines, ['(empty)']);
  });

  it('is replaced by the reason of the API server', async (context) => {
    const status = { kind: 'Status', message: 'container "trivy" is waiting to start: ContainerCreating' };
    const { lines } = await read(context, (response) => response.writeHead(400).end(JSON.stringify(status)));
    assert.deepEqual(lines, [`(cannot be read: ${status.message})`]);
  });

  it('is replaced by the HTTP code, if the answer is not one of an API server', async (context) => {
    const { lines } = await read(context, (response) => response.writeHead(502).end('<html>'));
    assert.deepEqual(lines, ['(cannot be read: HTTP 502)']);
  });
});
