import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { builtProgram } from '../../../../hack/testenv/program.ts';

const program = await builtProgram();
const CANARY = 'Canary-7Hq2';
const PAGE = `<!DOCTYPE html><html><title>Log in</title><input name="csrf" value="${CANARY}"></html>`;

/** Answers all requests alike. Real HTTP servers with the answers of login pages and proxies, which tests cannot run. */
const answers =
  (status: number, headers: Readonly<Record<string, string>>, body: string): RequestListener =>
  (_, response) =>
    response.writeHead(status, headers).end(body);
const HTML = { 'content-type': 'text/html; charset=utf-8' };
const JSON_TYPE = { 'content-type': 'application/json' };

interface Case {
  readonly title: string;
  readonly listener: RequestListener;
  /** What the error says after the server, which is the same for all. */
  readonly says: RegExp;
}

const ELSEWHERE = 'found an answer of another server, for example a login page or a proxy: ';
const ADVICE = 'correct the server in the kubeconfig, or log in to the VPN or proxy in front of it';
const elsewhere = (what: string) => new RegExp(`, ${ELSEWHERE}.*: the server answered ${what}; ${ADVICE}\n$`);

const cases: readonly Case[] = [
  { title: 'a login page', listener: answers(200, HTML, PAGE), says: elsewhere('200 with text/html') },
  {
    title: 'a redirect to a login page',
    listener: answers(302, { location: `https://sso.example/login?state=${CANARY}` }, ''),
    says: elsewhere('302, a redirect to https://sso\\.example'),
  },
  {
    title: 'a redirect to a path',
    listener: answers(307, { ...HTML, location: `/login?state=${CANARY}` }, PAGE),
    says: elsewhere('307 with text/html'),
  },
  {
    title: 'a page that is not found',
    listener: answers(404, HTML, PAGE),
    says: elsewhere('404 with text/html'),
  },
  {
    title: 'the text with which servers in Go answer an unknown path',
    listener: answers(404, { 'content-type': 'text/plain; charset=utf-8' }, '404 page not found\n'),
    says: elsewhere('404 with text/plain'),
  },
  {
    title: 'JSON of another API, not found',
    listener: answers(404, JSON_TYPE, `{"error":"${CANARY}"}`),
    says: elsewhere('404 with application/json'),
  },
  {
    title: 'JSON of another API',
    listener: answers(200, JSON_TYPE, `{"status":"${CANARY}"}`),
    says: elsewhere('200 with application/json'),
  },
  {
    title: 'a list in JSON',
    listener: answers(200, JSON_TYPE, '[]'),
    says: elsewhere('200 with application/json'),
  },
  {
    title: 'an object in JSON that is not a list of objects',
    listener: answers(200, JSON_TYPE, '{"metadata":{"version":3}}'),
    says: elsewhere('200'),
  },
  { title: 'an empty body', listener: answers(200, {}, ''), says: elsewhere('200') },
  {
    title: 'a page that refuses access',
    listener: answers(403, HTML, PAGE),
    says: elsewhere('403 with text/html'),
  },
  {
    title: 'a page that asks for a login',
    listener: answers(401, HTML, PAGE),
    says: elsewhere('401 with text/html'),
  },
  {
    title: 'an error of a proxy',
    listener: answers(502, HTML, PAGE),
    says: /found HTTP 502: .*: the server answered 502 with text\/html; check the health of the API server, and try again\n$/,
  },
  {
    title: 'the error of a server in Go that expects TLS',
    listener: answers(400, {}, 'Client sent an HTTP request to an HTTPS server.\n'),
    says: /found a server that does not speak plain HTTP: .*; write https: instead of http: in the kubeconfig, or correct the port\n$/,
  },
];

describe('a server that is not a Kubernetes API server', () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'other-server-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  async function run(server: string, args: readonly string[], user: object = {}, cluster: object = {}) {
    const kubeconfig = join(folder, 'config');
    const config = {
      clusters: [{ name: 'c', cluster: { server, ...cluster } }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    writeFileSync(kubeconfig, JSON.stringify(config));
    const child = spawn(process.execPath, [program, ...args], {
      env: { PATH: process.env['PATH'], HOME: folder, KUBECONFIG: kubeconfig },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit'),
    ]);
    assert.doesNotMatch(stderr, /Canary| {4}at /);
    return { code, stdout, stderr };
  }

  async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<string> {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    // A TCP server that listens has an AddressInfo.
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  for (const { title, listener, says } of cases) {
    it(`is recognized by ${title}`, async () => {
      await using server = createServer(listener);
      const url = `http://${await listening(server)}`;
      for (const args of [['explain', 'reg.example/app'], ['audit'], ['unbind', '-A']]) {
        const { code, stdout, stderr } = await run(url, args);
        assert.match(stderr, says, args[0]);
        assert.match(stderr, new RegExp(`^error: expected an answer from the API server at ${url}, `));
        assert.deepEqual([code, stdout], [2, ''], args[0]);
      }
    });
  }

  it('is recognized by an answer that is not HTTP', async () => {
    await using server = createTcpServer((socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .end('SSH-2.0-OpenSSH_9.6\r\n'),
    );
    const address = await listening(server);
    const overHttp = await run(`http://${address}`, ['audit']);
    assert.match(overHttp.stderr, /found a server that does not speak plain HTTP: .*correct the port\n$/);
    const overTls = await run(`https://${address}`, ['audit']);
    assert.match(
      overTls.stderr,
      /found a server without TLS: .*; correct the port, or write http: instead of https:/,
    );
  });

  it('receives no other request, and no credential over plain HTTP', async () => {
    const seen: string[] = [];
    await using server = createServer((request, response) => {
      seen.push(`${request.url} ${request.headers.authorization}`);
      response.writeHead(404).end(PAGE);
    });
    const exec = { command: 'aws-of-nobody' };
    for (const user of [{ token: CANARY }, { username: 'me', password: CANARY }, { exec }]) {
      const { stderr } = await run(
        `http://${await (seen.length === 0 ? listening(server) : address())}`,
        ['audit'],
        user,
      );
      assert.match(stderr, elsewhere('404'));
    }
    assert.deepEqual(new Set(seen.map((line) => line.split(' ')[1])), new Set(['undefined']));

    function address(): string {
      // A TCP server that listens has an AddressInfo.
      return `127.0.0.1:${(server.address() as AddressInfo).port}`;
    }
  });

  it('is not contacted if a credential would be sent over plain HTTP to another host', async () => {
    const expected =
      /^error: the cluster "c" of the kubeconfig has the server "http:\/\/api\.example\.invalid:8001": expected https, because others could read the credential of the user "u" on the network, found plain HTTP/;
    for (const user of [
      { token: CANARY },
      { username: 'me', password: CANARY },
      { exec: { command: 'aws' } },
    ]) {
      const { code, stderr } = await run('http://api.example.invalid:8001', ['audit'], user);
      assert.equal(code, 2);
      assert.match(stderr, expected);
    }
    const without = await run('http://api.example.invalid:8001', ['audit']);
    assert.match(
      without.stderr,
      /found no address for the name "api\.example\.invalid": .*; correct the name of the server/,
    );
  });

  it('is not blamed if the proxy of the kubeconfig refuses the connection, or is not running', async () => {
    await using proxy = createServer().on('connect', (_, socket) =>
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'),
    );
    for (const address of [await listening(proxy), '127.0.0.1:1', 'proxy.example.invalid:3128']) {
      const cluster = { 'proxy-url': `http://me:${CANARY}@${address}` };
      const { code, stderr } = await run('https://api.example.invalid:6443', ['audit'], {}, cluster);
      assert.equal(code, 2);
      assert.match(
        stderr,
        /found no connection through the proxy of the kubeconfig: .*; correct proxy-url in the kubeconfig, or check that the proxy is running/,
      );
    }
  });

  const unusable: readonly (readonly [string, RegExp])[] = [
    ['127.0.0.1:8001', /has the server "127\.0\.0\.1:8001": expected a URL such as https:/],
    ['localhost:8001', /has the server "localhost:8001": expected a URL such as https:/],
    ['ftp://api.example', /has the server "ftp:\/\/api\.example": expected a URL/],
    ['https://', /has the server "https:\/": expected a URL/],
  ];
  for (const [server, says] of unusable) {
    it(`cannot have the address ${server}`, async () => {
      const { code, stderr } = await run(server, ['audit']);
      assert.equal(code, 2);
      assert.match(stderr, says);
    });
  }

  it('can be kubectl proxy on the port that client-node uses if it finds no configuration', async () => {
    const { stderr } = await run('http://localhost:8080', ['audit']);
    assert.match(
      stderr,
      /at http:\/\/localhost:8080, found none: .*ECONNREFUSED.*; nothing listens on that port; start/,
    );
  });
});
