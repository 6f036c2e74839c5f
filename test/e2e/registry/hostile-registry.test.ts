/** No real registry does any of this, so these are servers of the test that write whatever a case needs. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createServer } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { type Certificate, makeCertificate } from '../../../hack/testenv/certificate.ts';
import { ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';
import type { RegistryAnswer, RequestKind, UnreachableReason } from '../../../src/answer/registry-answer.ts';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { RegistryChecker } from '../../../src/registry/checker.ts';
import { DEFAULT_REGISTRY_SETTINGS, type RegistrySettings } from '../../../src/registry/settings.ts';

const REQUEST_TIMEOUT = 1_000;
const CHECK_TIMEOUT = 2_000;
/** The machine may be busy. */
const SLACK = 5_000;
/** The hostile server runs in this process, too, and holds in memory what it writes. */
const MEMORY_LIMIT = 64 * 1024 * 1024;
const CREDENTIAL = {
  kind: 'basic',
  username: new SecretValue('canary-user'),
  password: new SecretValue('canary-password'),
} as const;
const SHOWN = Buffer.from('canary-user:canary-password').toString('base64');
const DIGEST = `sha256:${'0'.repeat(64)}`;

type Behaviour = (socket: Socket, request: string) => void;

/** What a server does for each request of a check. */
interface Script {
  readonly ping?: Behaviour;
  readonly token?: Behaviour;
  readonly manifest?: Behaviour;
}

let group: ProcessGroup;
let certificates: Readonly<Record<'good' | 'expired' | 'misnamed' | 'untrusted', Certificate>>;
/** Other servers: over TLS, over plain HTTP, and at an address that the controller may not connect to. */
let elsewhere: Readonly<Record<'secure' | 'plain' | 'forbidden', Elsewhere>>;

before(async () => {
  group = await ProcessGroup.start();
  const log = (line: string) => process.stderr.write(`${line}\n`);
  certificates = {
    good: await makeCertificate(group, ['127.0.0.1', '127.0.0.2'], { log }),
    expired: await makeCertificate(group, ['127.0.0.1'], { expired: true }),
    misnamed: await makeCertificate(group, ['registry.example.com']),
    untrusted: await makeCertificate(group, ['127.0.0.1']),
  };
  elsewhere = {
    secure: await Elsewhere.start('127.0.0.1', certificates.good),
    plain: await Elsewhere.start('127.0.0.1', undefined),
    forbidden: await Elsewhere.start('127.0.0.2', certificates.good),
  };
});
after(async () => {
  for (const server of Object.values(elsewhere ?? {})) server.close();
  await group?.stop();
});

/** Records everything that it receives, and sends the configured answer. */
class Elsewhere {
  readonly host: string;
  seen = '';
  connections = 0;
  answer = 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';
  readonly #server: Server;

  private constructor(server: Server, host: string) {
    this.#server = server;
    this.host = host;
  }

  static async start(address: string, certificate: Certificate | undefined): Promise<Elsewhere> {
    const sockets = (socket: Socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        self.seen += data.toString('latin1');
        if (self.seen.includes('\r\n\r\n')) socket.end(self.answer);
      });
    };
    const server =
      certificate === undefined
        ? createTcpServer(sockets)
        : createServer({ key: certificate.key, cert: certificate.certificate }, sockets);
    const self = new Elsewhere(server, `${address}:${await listen(server, address)}`);
    server.on('connection', () => {
      self.connections += 1;
    });
    return self;
  }

  clear(): void {
    this.seen = '';
    this.connections = 0;
  }

  close(): void {
    this.#server.close();
  }
}

const ok = (headers: string, body = '') =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n${headers}\r\n${body}`;
const write =
  (text: string | Buffer): Behaviour =>
  (socket) =>
    socket.write(text);
const challenge = (...values: readonly string[]): Behaviour =>
  write(
    `HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n${values
      .map((value) => `www-authenticate: ${value}\r\n`)
      .join('')}\r\n`,
  );
const redirect =
  (location: () => string): Behaviour =>
  (socket) =>
    socket.write(`HTTP/1.1 307 Temporary Redirect\r\ncontent-length: 0\r\nlocation: ${location()}\r\n\r\n`);
const realm =
  (url: () => string): Behaviour =>
  (socket, request) =>
    challenge(`Bearer realm="${url()}",service="s"`)(socket, request);
const tokenReply = (body: string) => write(ok('content-type: application/json\r\n', body));

/** Writes for as long as the client reads. */
function endless(head: string, chunk: string): Behaviour {
  return (socket) => {
    socket.write(head);
    const more = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', more);
    more();
  };
}

function slow(head: string, piece: string): Behaviour {
  return (socket) => {
    socket.write(head);
    const timer = setInterval(() => socket.write(piece), 20);
    socket.once('close', () => clearInterval(timer));
  };
}

const BOMB = gzipSync(Buffer.alloc(32 * 1024 * 1024));
const CHUNK = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
const notFound = (head: string) => `HTTP/1.1 404 Not Found\r\n${head}\r\n`;
const pullable: RegistryAnswer = { result: 'Pullable', digest: DIGEST };

function unreachable(why: UnreachableReason, at: RequestKind, httpCode?: number): RegistryAnswer {
  return { result: 'Unreachable', why, at, ...(httpCode === undefined ? {} : { httpCode }) };
}

const CASES: readonly (readonly [title: string, script: Script, expected: RegistryAnswer])[] = [
  ['that behaves', {}, pullable],
  // Size.
  [
    'whose ping has an endless body',
    { ping: endless(CHUNKED.replace('200', '401'), CHUNK) },
    unreachable('BadChallenge', 'ping', 401),
  ],
  ['whose token has an endless body', { token: endless(CHUNKED, CHUNK) }, unreachable('TooLarge', 'token')],
  [
    'whose manifest has an endless body',
    {
      manifest: (socket, request) =>
        (request.startsWith('HEAD') ? write(notFound('')) : endless(CHUNKED.replace('200', '404'), CHUNK))(
          socket,
          request,
        ),
    },
    unreachable('TooLarge', 'manifest'),
  ],
  [
    'with endless headers',
    { ping: endless('HTTP/1.1 200 OK\r\n', `${'x-bomb: x\r\n'.repeat(1_000)}`) },
    unreachable('TooLarge', 'ping'),
  ],
  [
    'with one endless header',
    { manifest: endless('HTTP/1.1 200 OK\r\nx-bomb: ', 'x'.repeat(0x10000)) },
    unreachable('TooLarge', 'manifest'),
  ],
  [
    'with an endless status line',
    { ping: endless('HTTP/1.1 200 ', 'x'.repeat(0x10000)) },
    unreachable('Timeout', 'ping'),
  ],
  [
    'with a small body that decompresses to a large one',
    {
      token: write(
        Buffer.concat([
          Buffer.from(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${BOMB.length}\r\n\r\n`),
          BOMB,
        ]),
      ),
    },
    unreachable('BadToken', 'token'),
  ],
  [
    'with a token that is too long',
    { token: tokenReply(JSON.stringify({ token: 'x'.repeat(100_000) })) },
    unreachable('BadToken', 'token'),
  ],
  // Time.
  ['that never answers', { ping: () => undefined }, unreachable('Timeout', 'ping')],
  [
    'whose ping never ends',
    { ping: slow('HTTP/1.1 401 U\r\ncontent-length: 10000\r\nwww-authenticate: Basic\r\n\r\n', 'x') },
    unreachable('Timeout', 'ping'),
  ],
  [
    'whose ping has a body that never ends and is not needed',
    {
      ping: slow(
        'HTTP/1.1 401 U\r\ntransfer-encoding: chunked\r\nwww-authenticate: Basic\r\n\r\n',
        '1\r\nx\r\n',
      ),
    },
    pullable,
  ],
  [
    'whose headers never end',
    { manifest: slow('HTTP/1.1 200 OK\r\n', 'x: x\r\n') },
    unreachable('Timeout', 'manifest'),
  ],
  ['whose token never ends', { token: slow(CHUNKED, '1\r\nx\r\n') }, unreachable('Timeout', 'token')],
  [
    'that sends endless interim responses',
    { ping: endless('', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100)) },
    unreachable('BadReply', 'ping'),
  ],
  [
    'that sends interim responses slowly',
    { manifest: slow('', 'HTTP/1.1 102 Processing\r\n\r\n') },
    unreachable('BadReply', 'manifest'),
  ],
  // Form.
  ['that does not speak HTTP', { ping: write('SSH-2.0-OpenSSH_9.9\r\n') }, unreachable('BadReply', 'ping')],
  [
    'that closes the connection',
    { manifest: (socket) => socket.destroy() },
    unreachable('ConnectionLost', 'manifest'),
  ],
  [
    'that closes the connection within a body',
    { token: (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"token":') },
    unreachable('ConnectionLost', 'token'),
  ],
  [
    'that sends more than it announced',
    { token: write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}{"token":"t"}') },
    unreachable('BadToken', 'token'),
  ],
  [
    'that announces two lengths',
    { token: write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}') },
    unreachable('BadReply', 'token'),
  ],
  [
    'that announces an impossible length',
    { token: write('HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}') },
    unreachable('BadReply', 'token'),
  ],
  [
    'that switches protocols',
    { ping: write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n') },
    unreachable('ConnectionLost', 'ping'),
  ],
  [
    'with a token response that is not JSON',
    { token: tokenReply('<html>canary</html>') },
    unreachable('BadToken', 'token'),
  ],
  [
    'with a token that is not a string',
    { token: tokenReply('{"token":{"toString":1},"access_token":7}') },
    unreachable('BadToken', 'token'),
  ],
  [
    'with a token that breaks out of its header',
    { token: tokenReply(JSON.stringify({ token: 'a\r\nx-evil: 1' })) },
    unreachable('BadToken', 'token'),
  ],
  [
    'with JSON that is deeply nested',
    { token: tokenReply('['.repeat(100_000)) },
    unreachable('BadToken', 'token'),
  ],
  [
    'that answers every request with a web page',
    { ping: write(ok('', 'hello')), manifest: write(ok('content-type: text/html\r\n')) },
    unreachable('NotARegistry', 'manifest', 200),
  ],
  [
    'with an invalid digest',
    { manifest: write(ok('docker-content-digest: sha256:canary\r\n')) },
    unreachable('NotARegistry', 'manifest', 200),
  ],
  [
    'with an unknown status',
    { manifest: write('HTTP/1.1 418 I am a teapot\r\ncontent-length: 0\r\n\r\n') },
    unreachable('UnexpectedStatus', 'manifest', 418),
  ],
  [
    'with a server error of its token server',
    { token: write('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n') },
    unreachable('ServerError', 'token', 502),
  ],
  // Challenges.
  [
    'with a challenge that cannot be parsed',
    { ping: challenge('Bearer realm="unclosed') },
    unreachable('BadChallenge', 'ping', 401),
  ],
  [
    'with an unsupported challenge',
    { ping: challenge('Negotiate abc==') },
    unreachable('BadChallenge', 'ping', 401),
  ],
  ['without a challenge', { ping: challenge() }, unreachable('BadChallenge', 'ping', 401)],
  [
    'with several challenges in one header',
    {
      ping: (socket, request) =>
        challenge(`Negotiate abc==, Basic realm="a, b", Bearer realm="${selfRealm(request)}"`)(
          socket,
          request,
        ),
    },
    pullable,
  ],
  [
    'with several headers of challenges',
    {
      ping: (socket, request) =>
        challenge('NTLM', `Bearer realm="${selfRealm(request)}"`, 'Basic')(socket, request),
    },
    pullable,
  ],
  // Realms.
  [
    'with a realm at the metadata service',
    { ping: realm(() => 'https://169.254.169.254/latest') },
    unreachable('AddressForbidden', 'token'),
  ],
  [
    'with a realm at the metadata service, as a number',
    { ping: realm(() => 'https://2852039166/latest') },
    unreachable('AddressForbidden', 'token'),
  ],
  [
    'with a realm at the metadata service, as IPv6',
    { ping: realm(() => 'https://[::ffff:a9fe:a9fe]/latest') },
    unreachable('AddressForbidden', 'token'),
  ],
  [
    'with a realm on loopback',
    { ping: realm(() => `https://${elsewhere.forbidden.host}/token`) },
    unreachable('AddressForbidden', 'token'),
  ],
  [
    'with a realm on another host over plain HTTP',
    { ping: realm(() => `http://${elsewhere.plain.host}/token`) },
    unreachable('RealmInsecure', 'token'),
  ],
  [
    'with a realm over plain HTTP on the port of TLS',
    { ping: (socket, request) => realm(() => selfRealm(request).replace('https', 'http'))(socket, request) },
    unreachable('RealmInsecure', 'token'),
  ],
  [
    'with a realm that has a user name',
    { ping: realm(() => `https://user@${elsewhere.secure.host}/token`) },
    unreachable('RealmForbidden', 'token'),
  ],
  [
    'with a realm of an unsupported scheme',
    { ping: realm(() => 'file:///etc/passwd') },
    unreachable('BadChallenge', 'ping', 401),
  ],
  // Redirects.
  [
    'that redirects the ping, and sends no challenge afterwards',
    { ping: redirect(() => `https://${elsewhere.secure.host}/v2/`), manifest: challenge() },
    { result: 'Denied', httpCode: 401, at: 'manifest' },
  ],
  [
    'that redirects the token',
    { token: redirect(() => `https://${elsewhere.secure.host}/token`) },
    unreachable('RedirectRefused', 'token', 307),
  ],
  [
    'that redirects the manifest to a server without one',
    { manifest: redirect(() => `https://${elsewhere.secure.host}/x`) },
    unreachable('NotARegistry', 'manifest', 200),
  ],
  [
    'that redirects the manifest to plain HTTP',
    { manifest: redirect(() => `http://${elsewhere.plain.host}/x`) },
    unreachable('RedirectRefused', 'manifest', 307),
  ],
  [
    'that redirects the manifest to loopback',
    { manifest: redirect(() => `https://${elsewhere.forbidden.host}/x`) },
    unreachable('AddressForbidden', 'manifest'),
  ],
  [
    'that redirects the manifest in a circle',
    { manifest: redirect(() => '/v2/again/manifests/1') },
    unreachable('RedirectRefused', 'manifest', 307),
  ],
  [
    'that redirects the manifest to an invalid URL',
    { manifest: redirect(() => 'https://:0:0/') },
    unreachable('RedirectRefused', 'manifest', 307),
  ],
];

describe('a hostile registry', () => {
  const rows: object[] = [];
  after(() => {
    for (const row of rows) process.stdout.write(`# ${JSON.stringify(row)}\n`);
  });

  for (const [title, script, expected] of CASES) {
    it(`${title} results in ${summary(expected)}`, async () => {
      for (const server of Object.values(elsewhere)) server.clear();
      await using registry = await hostile(script, certificates.good);
      const { answer, milliseconds, megabytes } = await measured(() => ask(registry.host));
      rows.push({ registry: title, answer: summary(answer), milliseconds, megabytes });
      assert.deepEqual(answer, expected);
      assert.ok(milliseconds < CHECK_TIMEOUT + SLACK, `${milliseconds} ms`);
      assert.ok(megabytes < MEMORY_LIMIT / 2 ** 20, `${megabytes} MiB`);
      assertNothingShown();
    });
  }

  it('cannot redirect a credential to another server, even if that server has the manifest', async () => {
    const { secure } = elsewhere;
    const plain = secure.answer;
    secure.clear();
    secure.answer = ok(`docker-content-digest: ${DIGEST}\r\n`).replace('\r\n', '\r\nconnection: close\r\n');
    await using registry = await hostile(
      { manifest: redirect(() => `https://${secure.host}/v2/team/app/manifests/1`) },
      certificates.good,
    );
    assert.deepEqual(await ask(registry.host), pullable);
    assert.match(secure.seen, /^HEAD \/v2\/team\/app\/manifests\/1 /);
    assertNothingShown();

    secure.clear();
    secure.answer = 'HTTP/1.1 401 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';
    assert.deepEqual(await ask(registry.host), unreachable('RedirectRefused', 'manifest', 401));
    secure.answer = plain;
    assertNothingShown();
  });

  const denials: Readonly<Record<string, readonly [script: (url: () => string) => Script, RegistryAnswer]>> =
    {
      'the token server': [(url) => ({ ping: realm(url) }), unreachable('RealmForbidden', 'token')],
      'the target of a redirect': [
        (url) => ({ manifest: redirect(url) }),
        unreachable('RedirectRefused', 'manifest', 307),
      ],
      'the target of a second redirect': [
        (url) => ({
          manifest: (socket, request) =>
            redirect(request.includes('/again/') ? url : () => '/v2/again/manifests/1')(socket, request),
        }),
        unreachable('RedirectRefused', 'manifest', 307),
      ],
    };
  for (const [title, [script, expected]] of Object.entries(denials)) {
    it(`causes no request to a host on the deny list, however the host is written: ${title}`, async () => {
      const { secure } = elsewhere;
      const [, port] = secure.host.split(':');
      for (const host of [secure.host, `0x7f.1:${port}`, `127.0.0.1.:${port}`, `2130706433:${port}`]) {
        secure.clear();
        await using registry = await hostile(
          script(() => `https://${host}/token`),
          certificates.good,
        );
        for (const deny of [secure.host, `127.0.*.1:${port}`]) {
          assert.deepEqual(await ask(registry.host, 'good', { deny: [deny] }), expected);
        }
        assert.deepEqual([secure.connections, secure.seen], [0, '']);
      }
    });
  }

  for (const [which, why] of [
    ['expired', 'CertificateExpired'],
    ['misnamed', 'CertificateNameMismatch'],
    ['untrusted', 'CertificateUntrusted'],
  ] as const) {
    it(`with a certificate that is ${which} results in ${why}`, async () => {
      await using registry = await hostile({}, certificates[which]);
      assert.deepEqual(await ask(registry.host, which), unreachable(why, 'ping'));
      assert.equal(registry.seen(), '');
    });
  }

  for (const [title, behaviour, why] of [
    [
      'that does not speak TLS',
      (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      'TlsFailure',
    ],
    ['that closes the connection at once', (socket: Socket) => socket.destroy(), 'ConnectionLost'],
    ['that never completes the TLS handshake', () => undefined, 'Timeout'],
  ] as const) {
    it(`${title} results in ${why}`, async () => {
      const sockets = new Set<Socket>();
      const server = createTcpServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => undefined).once('data', () => behaviour(socket));
      });
      const host = `127.0.0.1:${await listen(server, '127.0.0.1')}`;
      try {
        assert.deepEqual(await ask(host), unreachable(why, 'ping'));
      } finally {
        for (const socket of sockets) socket.destroy();
        server.close();
      }
    });
  }

  it('with an invalid or unknown host name results in a reason', async () => {
    assert.deepEqual(await ask('256.256.256.256'), unreachable('HostInvalid', 'ping'));
    assert.deepEqual(await ask('registry.example.com:70000'), unreachable('HostInvalid', 'ping'));
    assert.deepEqual(await ask('registry.invalid'), unreachable('DnsFailure', 'ping'));
  });
});

function ask(
  host: string,
  trusted: keyof typeof certificates = 'good',
  changes: Partial<RegistrySettings> = {},
): Promise<RegistryAnswer> {
  const ca = certificates[trusted === 'untrusted' ? 'good' : trusted].ca;
  const settings = {
    ...DEFAULT_REGISTRY_SETTINGS,
    localAddresses: ['127.0.0.1'],
    certificateAuthorities: ca,
    requestTimeout: REQUEST_TIMEOUT,
    checkTimeout: CHECK_TIMEOUT,
    ...changes,
  };
  const checker = new RegistryChecker({ settings });
  const image = { host, repository: 'team/app', tag: '1' };
  return checker.check({ image, credential: CREDENTIAL }, 'shop').then(({ answer }) => answer);
}

function assertNothingShown(): void {
  for (const { seen } of Object.values(elsewhere)) {
    assert.doesNotMatch(seen, /authorization/i);
    assert.ok(!seen.includes('canary') && !seen.includes(SHOWN));
  }
  assert.equal(elsewhere.forbidden.connections, 0);
  assert.equal(elsewhere.plain.connections, 0);
}

/** A server that follows the script, and otherwise behaves like a registry that has the image. */
async function hostile(script: Script, certificate: Certificate) {
  let seen = '';
  const sockets = new Set<Socket>();
  const usual: Required<Script> = {
    ping: (socket, request) => realm(() => selfRealm(request))(socket, request),
    token: tokenReply('{"token":"t"}'),
    manifest: write(ok(`docker-content-digest: ${DIGEST}\r\n`)),
  };
  const { key, certificate: cert } = certificate;
  // The bounds would differ with HTTP/2. The server accepts it if the client offers it.
  const server = createServer({ key, cert, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
    sockets.add(socket);
    let received = '';
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      received += data.toString('latin1');
      seen += data.toString('latin1');
      if (!received.includes('\r\n\r\n')) return;
      const request = received;
      received = '';
      ({ ...usual, ...script })[stepOf(request)](socket, request);
    });
  });
  const host = `127.0.0.1:${await listen(server, '127.0.0.1')}`;
  return {
    host,
    seen: () => seen,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function stepOf(request: string): keyof Script {
  const path = request.split(' ')[1] ?? '';
  if (path === '/v2/') return 'ping';
  return path.startsWith('/token') ? 'token' : 'manifest';
}

function selfRealm(request: string): string {
  const host = /^host: (.*)\r$/im.exec(request)?.[1];
  return `https://${host}/token`;
}

/** The maximum growth of this process's memory meanwhile, including the hostile server. */
async function measured(work: () => Promise<RegistryAnswer>) {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const used = () => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const [before, begun] = [used(), performance.now()];
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, used());
  }, 5);
  const answer = await work();
  clearInterval(timer);
  peak = Math.max(peak, used());
  return {
    answer,
    milliseconds: Math.round(performance.now() - begun),
    megabytes: Math.round((peak - before) / 2 ** 20),
  };
}

function summary(answer: RegistryAnswer): string {
  return answer.result === 'Unreachable' ? `${answer.why} at the ${answer.at}` : answer.result;
}

async function listen(server: Server, address: string): Promise<number> {
  server.listen(0, address);
  await once(server, 'listening');
  // A TCP server has an address with a port.
  return (server.address() as AddressInfo).port;
}
