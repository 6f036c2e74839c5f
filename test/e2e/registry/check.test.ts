import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Agent, request } from 'undici';
import { type Certificate, makeCertificate } from '../../../hack/testenv/certificate.ts';
import { ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';
import { type Registry, startRegistry } from '../../../hack/testenv/registry/registry.ts';
import { TokenServer } from '../../../hack/testenv/registry/token-server.ts';
import type { Check } from '../../../src/answer/check.ts';
import {
  describeAnswer,
  type KnownAnswer,
  type RegistryAnswer,
} from '../../../src/answer/registry-answer.ts';
import type { Credential } from '../../../src/credential/credential.ts';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { parseImageReference } from '../../../src/image/reference.ts';
import { RegistryChecker } from '../../../src/registry/checker.ts';
import type { RegistryRequestRecord } from '../../../src/registry/http/check-context.ts';
import { DEFAULT_REGISTRY_SETTINGS, type RegistrySettings } from '../../../src/registry/settings.ts';
import { until } from '../../support/until.ts';

const log = (line: string) => process.stderr.write(`${line}\n`);
const USER = { username: 'puller', password: 'canary: "first", pässword' };

let group: ProcessGroup;
let certificate: Certificate;
before(async () => {
  group = await ProcessGroup.start();
  certificate = await makeCertificate(group, ['127.0.0.1', 'localhost', 'registry.test'], { log });
});
after(() => group?.stop());

function basic(username: string, password: string): Credential {
  return { kind: 'basic', username: new SecretValue(username), password: new SecretValue(password) };
}

function checkOf(image: string, credential?: Credential): Check {
  return { image: parseImageReference(image), credential };
}

/** A checker that trusts the tests' certificate authority, may connect to loopback, and records its requests. */
class TestChecker extends RegistryChecker {
  readonly requests: RegistryRequestRecord[];

  constructor(settings: Partial<RegistrySettings> = {}) {
    const requests: RegistryRequestRecord[] = [];
    const all = {
      ...DEFAULT_REGISTRY_SETTINGS,
      localAddresses: ['127.0.0.1'],
      certificateAuthorities: certificate.ca,
      ...settings,
    };
    super({ settings: all, onRequest: (record) => requests.push(record) });
    this.requests = requests;
  }

  override check(check: Check, namespace = 'shop'): Promise<KnownAnswer> {
    return super.check(check, namespace);
  }

  override answer(check: Check, namespace = 'shop'): KnownAnswer | undefined {
    return super.answer(check, namespace);
  }

  async result(image: string, credential?: Credential): Promise<RegistryAnswer> {
    return (await this.check(checkOf(image, credential))).answer;
  }

  /** The requests since the last call. */
  taken(): readonly string[] {
    return this.requests.splice(0).map(({ kind, code }) => `${kind} ${code}`);
  }
}

describe('a registry with user names and passwords', () => {
  let registry: Registry;
  let digest: string;
  before(async () => {
    registry = await startRegistry({ group, user: USER, certificate, log });
    digest = await registry.pushImage('team/app:1.0', { a: 'a' });
  });
  after(() => registry?.stop());
  const good = basic(USER.username, USER.password);
  const bad = basic(USER.username, 'wrong');

  it('lets its user pull by tag and by digest, and reports the digest of the manifest', async () => {
    const checker = new TestChecker();
    assert.deepEqual(await checker.result(`${registry.host}/team/app:1.0`, good), {
      result: 'Pullable',
      digest,
    });
    assert.deepEqual(checker.taken(), ['ping 401', 'manifest 200']);
    assert.deepEqual(await new TestChecker().result(`${registry.host}/team/app@${digest}`, good), {
      result: 'Pullable',
      digest,
    });
  });

  for (const [who, credential] of [
    ['a wrong password', bad],
    ['an anonymous client', undefined],
    ['an identity token, which it does not support', identityToken('token')],
    ['a registry token that it did not issue', registryToken('token')],
    ['a registry token that no header can contain', registryToken('to\r\nken')],
  ] as const) {
    it(`refuses ${who}`, async () => {
      const answer = await new TestChecker().result(`${registry.host}/team/app:1.0`, credential);
      assert.deepEqual(answer, { result: 'Denied', httpCode: 401, at: 'manifest' });
    });
  }

  it('proves access even if it does not have the version', async () => {
    const checker = new TestChecker();
    assert.deepEqual(await checker.result(`${registry.host}/team/app:2.0`, good), { result: 'Allowed' });
    assert.deepEqual(checker.taken(), ['ping 401', 'manifest 404', 'manifest 404']);
  });

  it('accepts the second of two credentials', async () => {
    const checker = new TestChecker();
    const image = `${registry.host}/team/app:1.0`;
    const answers = await Promise.all([bad, good].map((credential) => checker.result(image, credential)));
    assert.deepEqual(
      answers.map(({ result }) => result),
      ['Denied', 'Pullable'],
    );
  });

  it('accepts a new password and refuses the old one at the next check', async () => {
    const checker = new TestChecker({ acceptedTtl: 2_000 });
    const image = `${registry.host}/team/app:1.0`;
    const accepted = await checker.check(checkOf(image, good));
    await registry.setPassword('canary-second');
    assert.equal(await checker.check(checkOf(image, good)), accepted, 'remembered');
    assert.equal(await checker.result(image, basic(USER.username, 'canary-second')).then(kind), 'Pullable');
    const refused = await until(async () => {
      const known = await checker.check(checkOf(image, good));
      return known !== accepted && known;
    }, 'the check to be repeated');
    assert.deepEqual([refused.answer.result, refused.acceptedAt], ['Denied', undefined]);
    await registry.setPassword(USER.password);
  });

  it('leaves known answers unchanged while it is down, and is checked again when it is back', async () => {
    const checker = new TestChecker({ unreachableTtl: 200, acceptedTtl: 1 });
    const check = checkOf(`${registry.host}/team/app:1.0`, good);
    const { acceptedAt } = await checker.check(check);
    assert.notEqual(acceptedAt, undefined);
    await registry.pause();
    try {
      const down = await until(async () => {
        const { answer, ...known } = await checker.check(check);
        return answer.result === 'Unreachable' && { ...known, answer };
      }, 'the registry to be reported as unreachable');
      assert.deepEqual(down.answer, { result: 'Unreachable', why: 'ConnectionRefused', at: 'ping' });
      assert.equal(down.acceptedAt, acceptedAt);
      checker.taken();
      const other = await checker.result(`${registry.host}/team/other:1.0`, bad);
      assert.deepEqual([other, checker.taken()], [down.answer, []], 'no further request, whatever the check');
    } finally {
      await registry.resume();
    }
    await until(
      async () => kind((await checker.check(check)).answer) === 'Pullable',
      'the registry to answer again',
    );
  });

  it('is refused if its certificate authority is unknown, unless it is listed as insecure', async () => {
    const image = `${registry.host}/team/app:1.0`;
    const untrusting = { certificateAuthorities: undefined };
    assert.deepEqual(await new TestChecker(untrusting).result(image, good), {
      result: 'Unreachable',
      why: 'CertificateUntrusted',
      at: 'ping',
    });
    const insecure = new TestChecker({ ...untrusting, insecure: [registry.host] });
    assert.equal(kind(await insecure.result(image, good)), 'Pullable');
  });

  for (const host of [
    '127.0.0.1',
    'localhost',
    '0x7f.1',
    '2130706433.',
    '0177.0.0.1',
    '[::ffff:127.0.0.1]',
  ]) {
    it(`gets no request as ${host} on loopback, unless a setting allows that`, async () => {
      const checker = new TestChecker({ localAddresses: [] });
      const port = registry.host.split(':')[1];
      const image = { ...parseImageReference('x.example/team/app:1.0'), host: `${host}:${port}` };
      const { answer } = await checker.check({ image, credential: good });
      assert.deepEqual(answer, { result: 'Unreachable', why: 'AddressForbidden', at: 'ping' });
    });
  }

  it('gets no request if it is denied or not allowed', async () => {
    const image = `${registry.host}/team/app:1.0`;
    const denied = new TestChecker({ deny: ['127.0.0.*'] });
    assert.deepEqual(await denied.result(image, good), { result: 'NotAllowed', by: 'DenyList' });
    const allowing = new TestChecker({ allow: ['*.example.com'] });
    assert.deepEqual(await allowing.result(image, good), { result: 'NotAllowed', by: 'AllowList' });
    assert.deepEqual([denied.taken(), allowing.taken()], [[], []]);
  });

  it('gets no request once the controller stops', async () => {
    const checker = new TestChecker();
    checker.close();
    const answer = await checker.result(`${registry.host}/team/app:1.0`, good);
    assert.deepEqual(answer, { result: 'Unreachable', why: 'Stopped', at: 'ping' });
  });
});

describe('a registry over plain HTTP', () => {
  let registry: Registry;
  before(async () => {
    registry = await startRegistry({ group, log });
    await registry.pushImage('public:1', { a: 'a' });
  });
  after(() => registry?.stop());

  it('is checked only if it is listed as insecure', async () => {
    const image = `${registry.host}/public:1`;
    assert.deepEqual(await new TestChecker().result(image), {
      result: 'Unreachable',
      why: 'TlsFailure',
      at: 'ping',
    });
    const checker = new TestChecker({ insecure: [registry.host] });
    assert.equal(kind(await checker.result(image, basic('unasked', 'unasked'))), 'Pullable');
    assert.deepEqual(checker.taken(), ['ping TlsFailure', 'ping 200', 'manifest 200']);
  });
});

describe('a registry with a token server', () => {
  const a = {
    username: 'a',
    password: 'canary-a',
    refreshToken: 'canary-refresh',
    repositories: ['team-a/app'],
  };
  const b = { username: 'b', password: 'canary-b', repositories: ['team-b/app'] };
  const pusher = { username: 'p', password: 'p', repositories: ['team-a/app', 'team-b/app', 'public'] };
  let tokens: TokenServer;
  let registry: Registry;
  before(async () => {
    const users = [a, b, pusher];
    tokens = await TokenServer.start({ certificate, users, publicRepositories: ['public'] });
    registry = await startRegistry({ group, user: pusher, certificate, tokens: tokens.authority, log });
    for (const { repositories } of [a, b])
      for (const name of repositories) await registry.pushImage(`${name}:1`, { a: 'a' });
    await registry.pushImage('public:1', { a: 'a' });
  });
  after(async () => {
    await registry?.stop();
    await tokens?.[Symbol.asyncDispose]();
  });

  const pullable = ['Pullable'];
  const deniedManifest = ['Denied', 'manifest', 401];
  const deniedToken = ['Denied', 'token', 401];
  for (const [title, name, credential, expected] of [
    ['lets a user pull from the path of that user', 'team-a/app:1', basic(a.username, a.password), pullable],
    ['lets another user pull from another path', 'team-b/app:1', basic(b.username, b.password), pullable],
    [
      'refuses a user whose token does not cover the repository',
      'team-b/app:1',
      basic(a.username, a.password),
      deniedManifest,
    ],
    ['refuses a wrong password', 'team-a/app:1', basic(a.username, 'wrong'), deniedToken],
    ['accepts an identity token', 'team-a/app:1', identityToken(a.refreshToken), pullable],
    ['refuses a wrong identity token', 'team-a/app:1', identityToken('wrong'), deniedToken],
    ['lets an anonymous client pull a public image', 'public:1', undefined, pullable],
    ['refuses an anonymous client for a private image', 'team-a/app:1', undefined, deniedManifest],
    [
      'allows access to a repository that lacks the version',
      'team-a/app:2',
      basic(a.username, a.password),
      ['Allowed'],
    ],
    [
      'does not reveal whether a repository exists',
      'team-a/no',
      basic(a.username, a.password),
      deniedManifest,
    ],
  ] as const) {
    it(title, async () => {
      const answer = await new TestChecker().result(`${registry.host}/${name}`, credential);
      const found =
        answer.result === 'Denied' ? [answer.result, answer.at, answer.httpCode] : [answer.result];
      assert.deepEqual(found, expected);
    });
  }

  it('gets requests only for tokens that allow pulling', async () => {
    tokens.seen.length = 0;
    await new TestChecker().result(`${registry.host}/team-a/app:1`, basic(a.username, a.password));
    await new TestChecker().result(`${registry.host}/team-a/app:1`, identityToken(a.refreshToken));
    const scope = 'repository:team-a/app:pull';
    assert.deepEqual(tokens.seen, [
      { method: 'GET', username: 'a', scope, status: 200 },
      { method: 'POST', username: 'a', scope, status: 200 },
    ]);
  });

  it('accepts a registry token as it is, and no other token is requested', async () => {
    const { realm, service } = tokens.authority;
    const url = `${realm}?service=${service}&scope=repository:team-a/app:pull`;
    const dispatcher = new Agent({ connect: { ca: certificate.ca } });
    const authorization = `Basic ${Buffer.from(`${a.username}:${a.password}`).toString('base64')}`;
    const { body } = await request(url, { dispatcher, headers: { authorization } });
    const { token } = (await body.json()) as { token: string };
    await dispatcher.close();
    const checker = new TestChecker();
    assert.equal(
      kind(await checker.result(`${registry.host}/team-a/app:1`, registryToken(token))),
      'Pullable',
    );
    assert.deepEqual(checker.taken(), ['ping 401', 'manifest 200']);
  });

  it('gets no credential through a token server with an untrusted certificate', async () => {
    const other = await makeCertificate(group, ['127.0.0.1', 'localhost']);
    await using stranger = await TokenServer.start({ certificate: other, users: [a] });
    await using own = await startRegistry({ group, certificate, tokens: stranger.authority, log });
    const answer = await new TestChecker().result(`${own.host}/team-a/app:1`, basic(a.username, a.password));
    assert.deepEqual(answer, { result: 'Unreachable', why: 'CertificateUntrusted', at: 'token' });
    assert.equal(stranger.seen.length, 0);
  });

  describe('and its remembered answers', () => {
    const credential = basic(a.username, a.password);
    const check = () => checkOf(`${registry.host}/team-a/app:1`, credential);

    it('shares one check among concurrent and later callers', async () => {
      const checker = new TestChecker();
      const together = await Promise.all(Array.from({ length: 20 }, () => checker.check(check())));
      assert.equal(new Set(together).size, 1);
      assert.deepEqual(checker.taken(), ['ping 401', 'token 200', 'manifest 200']);
      assert.equal(await checker.check(check()), together[0]);
      assert.equal(checker.answer(checkOf(`${registry.host}/team-a/app:other`, credential)), together[0]);
      assert.deepEqual(checker.taken(), []);
    });

    it('uses no answer about another version for an exact check, and repeats such a check soon if the version is missing', async () => {
      const checker = new TestChecker();
      await checker.check(check());
      const missing = { ...checkOf(`${registry.host}/team-a/app:missing`, credential), exact: true };
      assert.equal(checker.answer(missing), undefined);
      const { answer, requestedAt, freshUntil } = await checker.check(missing);
      assert.equal(answer.result, 'Allowed');
      assert.ok(isWithin(freshUntil - requestedAt, 54_000, 60_000), 'the version may be pushed soon');
      assert.equal(checker.answer({ ...check(), exact: true }), undefined);
      assert.equal((await checker.check({ ...check(), exact: true })).answer.result, 'Pullable');
      assert.equal(checker.answer(check())?.answer.result, 'Pullable');
    });

    it('keeps answers apart by credential and by repository, and stores no credential', async () => {
      const checker = new TestChecker();
      await checker.check(check());
      assert.equal(checker.answer(checkOf(`${registry.host}/team-a/app:1`)), undefined);
      assert.equal(checker.answer(checkOf(`${registry.host}/team-b/app:1`, credential)), undefined);
      assert.notEqual(
        checker.answer(checkOf(`${registry.host}/team-a/app:1`, basic('a', 'canary-a'))),
        undefined,
      );
    });

    it('repeats a check after 90% to 100% of the lifetime of its answer, and still returns the answer afterward', async () => {
      const checker = new TestChecker({ acceptedTtl: 1 });
      const first = await checker.check(check());
      assert.ok(isWithin(first.freshUntil - first.requestedAt, 0.9, 1));
      const second = await until(async () => {
        const known = await checker.check(check());
        return known !== first && known;
      }, 'the check to be repeated');
      assert.ok(second.requestedAt >= first.freshUntil);
      assert.equal(checker.answer(check()), second);
    });

    it('restores answers from before a restart, and sends no request until they are outdated', async () => {
      const checker = new TestChecker();
      const hour = 3_600_000;
      const requestedAt = Date.now() - 2 * hour;
      checker.restore(check(), { answer: { result: 'Pullable' }, requestedAt }, 'shop');
      const known = await checker.check(check());
      assert.deepEqual([known.answer, known.acceptedAt], [{ result: 'Pullable' }, requestedAt]);
      assert.ok(isWithin(known.freshUntil - requestedAt, 10.8 * hour, 12 * hour));
      assert.deepEqual(checker.taken(), []);

      const late = new TestChecker();
      late.restore(check(), { answer: { result: 'Pullable' }, requestedAt: Date.now() - 13 * hour }, 'shop');
      assert.equal((await late.check(check())).answer.result, 'Pullable');
      assert.equal(late.taken().length, 3);
      late.restore(check(), { answer: { result: 'Pullable' }, requestedAt: 0 }, 'shop');
      assert.notEqual(late.answer(check())?.acceptedAt, 0, 'a known answer takes precedence');
    });

    it('remembers a bounded number of answers', async () => {
      const checker = new TestChecker({ rememberedAnswers: 2 });
      const names = ['one', 'two', 'three'].map((name) => checkOf(`${registry.host}/${name}`));
      for (const each of names)
        checker.restore(each, { answer: { result: 'Allowed' }, requestedAt: Date.now() }, 'shop');
      assert.deepEqual(
        names.map((each) => checker.answer(each) !== undefined),
        [false, true, true],
      );
    });
  });

  it('is checked through a proxy, which resolves its name, unless NO_PROXY names the host', async () => {
    const { proxy, seen } = proxyTo(registry.host);
    const httpsProxy = `http://user:pass@127.0.0.1:${await listen(proxy)}`;
    const credential = basic(a.username, a.password);
    try {
      const checker = new TestChecker({ proxy: { httpsProxy } });
      // The token server is on localhost. Requests to localhost bypass the proxy, and local addresses are forbidden.
      const answer = await checker.result('registry.test/team-a/app:1', credential);
      assert.deepEqual(answer, { result: 'Unreachable', why: 'AddressForbidden', at: 'token' });
      const trusting = new TestChecker({ proxy: { httpsProxy }, privateRealms: [realmHost(tokens)] });
      assert.equal(kind(await trusting.result('registry.test/team-a/app:1', credential)), 'Pullable');
      const expected = `Basic ${Buffer.from('user:pass').toString('base64')} registry.test:443`;
      assert.ok(seen.length > 1 && seen.every((each) => each === expected), seen.join());
      const literal = await trusting.result('169.254.169.254/team-a/app:1', credential);
      assert.deepEqual(literal, { result: 'Unreachable', why: 'AddressForbidden', at: 'ping' });
      const direct = new TestChecker({ proxy: { httpsProxy, noProxy: '.test' } });
      const unknown = await direct.result('registry.test/team-a/app:1', credential);
      assert.deepEqual(unknown, { result: 'Unreachable', why: 'DnsFailure', at: 'ping' });
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
    const gone = new TestChecker({ proxy: { httpsProxy } });
    assert.deepEqual(await gone.result('registry.test/team-a/app:1', credential), {
      result: 'Unreachable',
      why: 'ProxyFailure',
      at: 'ping',
    });
  });
});

/**
 * A proxy that connects to one server on this machine, whatever the target. `seen` collects credentials and targets.
 */
function proxyTo(host: string) {
  const [, port] = host.split(':');
  const seen: string[] = [];
  const proxy = createServer().on('connect', (incoming, client) => {
    seen.push(`${incoming.headers['proxy-authorization']} ${incoming.url}`);
    const server = connect(Number(port), '127.0.0.1', () => client.write('HTTP/1.1 200 OK\r\n\r\n'));
    server.pipe(client).pipe(server);
    client.on('error', () => server.destroy());
    server.on('error', () => client.destroy());
  });
  return { proxy, seen };
}

describe('many checks of a registry', () => {
  it('run a few at a time', async () => {
    let [open, most] = [0, 0];
    // A stand-in that answers slowly, so that checks overlap.
    const server = createServer((_, response) => {
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        response.writeHead(404).end();
      }, 5);
    });
    const host = `127.0.0.1:${await listen(server)}`;
    try {
      const checker = new TestChecker({ insecure: [host], concurrencyPerRegistry: 2 });
      const all = Array.from({ length: 12 }, (_, index) => checkOf(`${host}/team/app-${index}`));
      const known = await Promise.all(all.map((each, index) => checker.check(each, `team-${index % 3}`)));
      assert.ok(known.every(({ answer }) => answer.result === 'Inconclusive'));
      assert.equal(most, 2);
    } finally {
      server.close();
    }
  });
});

describe('a registry that limits the rate of requests', () => {
  // A stand-in, because distribution has no rate limit.
  for (const [title, header, least, most] of [
    ['in seconds', '2', 2_000, 2_000],
    ['as a date', () => new Date(Date.now() + 60_000).toUTCString(), 58_000, 60_000],
    ['above the limit', '86400', 3_600_000, 3_600_000],
    ['missing', undefined, 60_000, 60_000],
    ['invalid', 'soon', 60_000, 60_000],
  ] as const) {
    it(`gets no request for the delay in Retry-After: ${title}`, async () => {
      let requests = 0;
      const server = createServer((_, response) => {
        requests += 1;
        const value = typeof header === 'function' ? header() : header;
        response.writeHead(429, value === undefined ? {} : { 'retry-after': value }).end();
      });
      const host = `127.0.0.1:${await listen(server)}`;
      try {
        const checker = new TestChecker({ insecure: [host] });
        const known = await checker.check(checkOf(`${host}/team/app`));
        const wait = untilOf(known) - known.requestedAt;
        // The answer is dated a moment after the request.
        assert.ok(isWithin(wait, least, most + 2_000), `${wait} ms`);
        assert.ok(known.freshUntil >= untilOf(known));
        const others = [checkOf(`${host}/team/app`), checkOf(`${host}/other`, basic('a', 'b'))];
        for (const other of others) assert.deepEqual((await checker.check(other)).answer, known.answer);
        assert.equal(requests, 1);
      } finally {
        server.close();
      }
    });
  }

  it('is checked again after the delay', async () => {
    let busy = true;
    const server = createServer((_, response) => {
      response
        .writeHead(busy ? 503 : 404, { 'retry-after': '1' })
        .end('{"errors":[{"code":"NAME_UNKNOWN"}]}');
      busy = false;
    });
    const host = `127.0.0.1:${await listen(server)}`;
    try {
      const checker = new TestChecker({ insecure: [host] });
      const check = checkOf(`${host}/team/app`);
      assert.equal(kind((await checker.check(check)).answer), 'RateLimited');
      const answer = await until(async () => {
        const known = await checker.check(check);
        return known.answer.result !== 'RateLimited' && known.answer;
      }, 'the check to be repeated');
      assert.deepEqual(answer, { result: 'Inconclusive', why: 'RepositoryUnknown' });
    } finally {
      server.close();
    }
  });
});

describe('the description of an answer', () => {
  it('contains no secret and no host', () => {
    const answers: readonly RegistryAnswer[] = [
      { result: 'Pullable' },
      { result: 'Allowed' },
      { result: 'Inconclusive', why: 'NotFound' },
      { result: 'Inconclusive', why: 'RepositoryUnknown' },
      { result: 'Denied', httpCode: 401, at: 'token' },
      { result: 'RateLimited', until: 0 },
      { result: 'Unreachable', why: 'ServerError', at: 'manifest', httpCode: 502 },
      { result: 'NotAllowed', by: 'AllowList' },
      { result: 'NotAllowed', by: 'DenyList' },
    ];
    assert.deepEqual(answers.map(describeAnswer), [
      'the registry allows pulling the image',
      'the registry allows reading the repository, which does not have this version',
      'the registry did not find the image, and did not report what is missing',
      'the registry does not have the repository, or hides it',
      "the registry's token server denied access (HTTP 401)",
      'the registry limits the number of requests',
      'the registry reported a server error (HTTP 502)',
      'the settings list the registries to check, and this registry is not one of them',
      'the settings exclude the registry from checks',
    ]);
  });
});

function identityToken(token: string): Credential {
  return { kind: 'identityToken', username: new SecretValue(''), token: new SecretValue(token) };
}

function registryToken(token: string): Credential {
  return { kind: 'registryToken', token: new SecretValue(token) };
}

function kind({ result }: RegistryAnswer): string {
  return result;
}

function realmHost({ authority }: TokenServer): string {
  return new URL(authority.realm).host;
}

function untilOf({ answer }: KnownAnswer): number {
  assert.equal(answer.result, 'RateLimited');
  return answer.result === 'RateLimited' ? answer.until : Number.NaN;
}

function isWithin(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}

function listen(server: ReturnType<typeof createServer>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once('error', reject).listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  return promise;
}
