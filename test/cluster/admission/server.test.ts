import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { pino } from 'pino';
import { makeCertificate } from '../../../hack/testenv/certificate.ts';
import { ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';
import { certificateFiles } from '../../../src/admission/certificate.ts';
import { ADMISSION_PATH, AdmissionServer } from '../../../src/admission/server.ts';
import type { AdmissionResult } from '../../../src/admission/webhook.ts';
import { until } from '../../support/until.ts';

const MIB = 1024 * 1024;

function review(size = 0): string {
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'uid-1',
      kind: { group: 'execution.securecodebox.io', kind: 'Scan' },
      operation: 'CREATE',
      namespace: 'ns',
      name: 'scan',
      object: {
        metadata: { name: 'scan', annotations: { padding: 'x'.repeat(size) } },
        spec: { scanType: 'trivy-image', parameters: ['reg.example/app:1'], suspend: false },
      },
    },
  });
}

async function renew(group: ProcessGroup, options: { readonly expired?: boolean } = {}): Promise<void> {
  const { certificate, key } = await makeCertificate(group, ['127.0.0.1'], options);
  await writeFile(join(group.directory, 'tls.crt'), certificate);
  await writeFile(join(group.directory, 'tls.key'), key);
}

function serverOf(group: ProcessGroup, onAnswer: (result: AdmissionResult) => void): AdmissionServer {
  return new AdmissionServer({
    settings: { host: '127.0.0.1', port: 0 },
    certificate: certificateFiles(group.directory),
    decide: (scan) => ({ result: 'NoBinding', scan }),
    isComplete: () => true,
    log: pino({ level: 'silent' }),
    onAnswer,
  });
}

describe('the HTTPS server of the webhook', () => {
  let group: ProcessGroup;
  let server: AdmissionServer;
  let port: number;
  const counted: AdmissionResult[] = [];
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });

  before(async () => {
    group = await ProcessGroup.start();
    await renew(group);
    server = serverOf(group, (result) => counted.push(result));
    port = await server.start();
  });
  after(async () => {
    agent.destroy();
    await server?.stop();
    await group?.stop();
  });

  /** The status code and the text of the response; `undefined`: the server closed the connection. */
  async function post(
    body: string,
    { path = ADMISSION_PATH, method = 'POST' }: { path?: string; method?: string } = {},
  ): Promise<{ readonly code: number | undefined; readonly text: string } | undefined> {
    const sent = request({ host: '127.0.0.1', port, path, method, agent });
    sent.end(body);
    try {
      const [response] = await once(sent, 'response');
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      return { code: response.statusCode, text: Buffer.concat(chunks).toString() };
    } catch {
      return undefined;
    }
  }

  it('answers a review, whatever the query of the URL', async () => {
    const found = await post(review(), { path: `${ADMISSION_PATH}?timeout=1s` });
    assert.equal(found?.code, 200);
    assert.deepEqual(JSON.parse(found?.text ?? '').response, { uid: 'uid-1', allowed: true });
  });

  it('answers a review of a large object', async () => {
    assert.equal((await post(review(0.9 * MIB)))?.code, 200);
  });

  it('reads no body of more than 1 MiB, so that no patch makes a Scan too large to be stored', async () => {
    const found = await post(review(1.1 * MIB));
    // The client may see the closed connection before it sees the response.
    assert.ok(found === undefined || found.code === 413, String(found?.code));
    assert.equal((await post(review()))?.code, 200);
  });

  it('refuses other paths, other methods and other bodies', async () => {
    assert.equal((await post(review(), { path: '/' }))?.code, 404);
    assert.equal((await post('', { method: 'GET' }))?.code, 404);
    assert.equal((await post('{}'))?.code, 400);
  });

  it('does not wait for a body for longer than a second', async () => {
    const begun = performance.now();
    const sent = request({
      host: '127.0.0.1',
      port,
      path: ADMISSION_PATH,
      method: 'POST',
      agent: false,
      rejectUnauthorized: false,
    });
    sent.write('{');
    await once(sent, 'error');
    assert.ok(performance.now() - begun < 30_000);
  });

  it('closes connections of a client that opens too many, and answers others', async () => {
    const sockets = Array.from({ length: 560 }, () =>
      connect({ host: '127.0.0.1', port }).on('error', () => undefined),
    );
    try {
      // Sooner than the time-out of the handshake.
      const closed = () => sockets.filter((socket) => socket.closed).length;
      await until(() => closed() >= 560 - 512, 'connections to be closed', 4);
      assert.ok(closed() < 560);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    await until(async () => (await post(review()))?.code === 200, 'the server to answer');
  });

  it('loads a new certificate for new connections, and reports one that has expired', async () => {
    const before = server.expiresAt;
    assert.equal(server.problem, undefined);
    await renew(group, { expired: true });
    await until(() => server.problem === 'its certificate has expired', 'the certificate to be loaded');
    assert.notEqual(server.expiresAt, before);
    await renew(group);
    await until(() => server.problem === undefined, 'the certificate to be loaded');
  });

  it('keeps the last certificate if the files do not fit each other', async () => {
    const before = server.expiresAt;
    await writeFile(join(group.directory, 'tls.key'), 'no key');
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    assert.equal(server.problem, undefined);
    assert.equal(server.expiresAt, before);
    assert.equal((await post(review()))?.code, 200);
    await renew(group);
  });

  it('asks clients to connect elsewhere when it drains', async () => {
    server.drain();
    const sent = request({ host: '127.0.0.1', port, path: ADMISSION_PATH, method: 'POST', agent });
    sent.end(review());
    const [response] = await once(sent, 'response');
    assert.equal(response.headers.connection, 'close');
    response.resume();
  });
});

describe('the HTTPS server of the webhook, when it stops,', () => {
  let group: ProcessGroup;
  let server: AdmissionServer;
  let to: { readonly host: string; readonly port: number; readonly rejectUnauthorized: false };

  before(async () => {
    group = await ProcessGroup.start();
    await renew(group);
    server = serverOf(group, () => undefined);
    to = { host: '127.0.0.1', port: await server.start(), rejectUnauthorized: false };
  });
  after(async () => group?.stop());

  it('answers a request in flight, and then closes all connections', async () => {
    const unused = connectTls(to);
    const unfinished = connectTls(to);
    await Promise.all([once(unused, 'secureConnect'), once(unfinished, 'secureConnect')]);
    unfinished.write(`POST ${ADMISSION_PATH} HTTP/1.1\r\n`);
    // The server sends "100 Continue" once it has the head of the request.
    const headers = { expect: '100-continue' };
    const sent = request({ ...to, path: ADMISSION_PATH, method: 'POST', agent: false, headers });
    sent.flushHeaders();
    await once(sent, 'continue');
    const closed = Promise.all([once(unused, 'close'), once(unfinished, 'close')]);
    const stopped = server.stop();
    sent.end(review());
    const [response] = await once(sent, 'response');
    assert.equal(response.statusCode, 200);
    assert.equal(response.headers.connection, 'close');
    response.resume();
    await closed;
    await stopped;
    await assert.rejects(once(connectTls(to), 'secureConnect'), { code: 'ECONNREFUSED' });
  });
});
