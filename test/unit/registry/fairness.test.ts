/** Checks of one namespace must not delay those of another. The registries are test servers on loopback. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Check } from '../../../src/answer/check.ts';
import type { Credential } from '../../../src/credential/credential.ts';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import type { Exchange } from '../../../src/platform/exchange.ts';
import type { PlatformCredential } from '../../../src/platform/platform-credential.ts';
import { RegistryChecker } from '../../../src/registry/checker.ts';
import { DEFAULT_REGISTRY_SETTINGS } from '../../../src/registry/settings.ts';
import { until } from '../../support/until.ts';
import { answering, knowNoRepository, silent } from './servers.ts';

const MINUTE = 60_000;
const login = (password: string): Credential => ({
  kind: 'basic',
  username: new SecretValue('user'),
  password: new SecretValue(password),
});
const checkOf = (host: string, repository: string, credential?: Credential): Check => ({
  image: { host, repository, tag: '1' },
  credential,
});

function started(hosts: readonly string[], localAddresses: readonly string[] = ['127.0.0.1']) {
  const requests: string[] = [];
  const settings = {
    ...DEFAULT_REGISTRY_SETTINGS,
    requestTimeout: 10 * MINUTE,
    checkTimeout: 10 * MINUTE,
    insecure: hosts,
    localAddresses,
  };
  const checker = new RegistryChecker({ settings, onRequest: ({ kind }) => requests.push(kind) });
  return { checker, requests };
}

describe('a namespace', () => {
  for (const count of [160, 200]) {
    it(`gets its answer at once while ${count} registries of another namespace never answer`, async () => {
      const addresses = Array.from({ length: count }, (_, index) => `127.0.1.${index + 1}`);
      await using hanging = await silent();
      await using healthy = await answering((_, response) => knowNoRepository(response));
      const host = `127.0.0.1:${healthy.port}`;
      const { checker } = started([host], [...addresses, '127.0.0.1']);
      const others = addresses.map((address) =>
        checker.check(checkOf(`${address}:${hanging.port}`, 'a/app'), 'a'),
      );
      await until(() => hanging.open() === 8, 'the other namespace to have its share');
      assert.equal((await checker.check(checkOf(host, 'b/app'), 'b')).answer.result, 'Inconclusive');
      assert.equal(hanging.open(), 8, 'a quarter of 32');
      checker.close();
      for (const { answer } of await Promise.all(others)) {
        assert.deepEqual(answer, { result: 'Unreachable', why: 'Stopped', at: 'ping' });
      }
    });
  }

  for (const count of [500, 1_000]) {
    it(`gets its answer at once while a registry never answers about ${count} repositories of another namespace`, async () => {
      let most = 0;
      const hanging = new Set<object>();
      await using server = await answering((request, response) => {
        if (request.url?.startsWith('/v2/a/') !== true) {
          knowNoRepository(response);
          return;
        }
        hanging.add(request);
        request.socket.on('close', () => hanging.delete(request));
        most = Math.max(most, hanging.size);
      });
      const host = `127.0.0.1:${server.port}`;
      const { checker } = started([host]);
      const others = Array.from({ length: count }, (_, index) =>
        checker.check(checkOf(host, `a/app-${index}`), 'a'),
      );
      await until(() => hanging.size === 2, 'the other namespace to have its share');
      assert.equal((await checker.check(checkOf(host, 'b/app'), 'b')).answer.result, 'Inconclusive');
      assert.equal(most, 2, 'half of 4');
      checker.close();
      await Promise.all(others);
    });
  }

  it('does not wait for the queue of another namespace that makes the same check', async () => {
    const open: (() => void)[] = [];
    await using server = await answering((request, response) => {
      const end = () => knowNoRepository(response);
      if (request.url?.startsWith('/v2/a/') === true) open.push(end);
      else end();
    });
    const host = `127.0.0.1:${server.port}`;
    const { checker, requests } = started([host]);
    const same = checkOf(host, 'shared/app', login('p'));
    const backlog = Array.from({ length: 50 }, (_, index) =>
      checker.check(checkOf(host, `a/app-${index}`), 'a'),
    );
    const early = checker.check(same, 'a');
    await until(() => open.length === 2, 'the other namespace to have its share');
    const known = await checker.check(same, 'b');
    assert.equal(known.answer.result, 'Inconclusive');
    const before = requests.length;
    const timer = setInterval(() => {
      for (const end of open.splice(0)) end();
    }, 1);
    assert.equal(await early, known, 'the first one gets the same answer');
    await Promise.all(backlog);
    clearInterval(timer);
    // Each check of the backlog sends at most four requests: a ping over TLS, a ping over plain HTTP, a HEAD and a GET.
    assert.ok(requests.length - before <= 50 * 4, `${requests.length - before}`);
    assert.equal(checker.answer(same, 'b'), known);
  });

  it('keeps its answers when another namespace fills the memory', () => {
    const settings = { ...DEFAULT_REGISTRY_SETTINGS, rememberedAnswers: 100 };
    const checker = new RegistryChecker({ settings });
    const accepted = { answer: { result: 'Pullable' }, requestedAt: Date.now() } as const;
    const own = Array.from({ length: 20 }, (_, index) => checkOf('registry.example', `b/app-${index}`));
    for (const each of own) checker.restore(each, accepted, 'b');
    for (let index = 0; index < 1_000; index += 1)
      checker.restore(checkOf('registry.example', `a/app-${index}`), accepted, 'a');
    assert.ok(own.every((each) => checker.answer(each, 'b') !== undefined));
  });
});

describe('a registry that answers 429', () => {
  const forbid = { 'retry-after': '21600' };
  const challenge = { 'www-authenticate': 'Basic realm="r"' };
  const tooMany = `Basic ${Buffer.from('user:too-many').toString('base64')}`;

  async function registry(wait: 'Credential' | 'Anonymous') {
    const server = await answering(({ headers: { authorization }, url }, response) => {
      if (url === '/v2/') response.writeHead(401, challenge).end();
      else if (authorization === tooMany || (wait === 'Anonymous' && authorization === undefined))
        response.writeHead(429, forbid).end();
      else knowNoRepository(response);
    });
    return { server, host: `127.0.0.1:${server.port}` };
  }

  it('to one credential is still checked with other credentials and without one', async () => {
    const { server, host } = await registry('Credential');
    await using _ = server;
    const { checker, requests } = started([host]);
    const known = await checker.check(checkOf(host, 'a/app', login('too-many')), 'a');
    assert.equal(known.answer.result, 'RateLimited');
    const sent = requests.length;
    const again = await checker.check(checkOf(host, 'a/other', login('too-many')), 'a');
    assert.deepEqual([again.answer, requests.length], [known.answer, sent], 'that credential waits');
    for (const credential of [login('good'), undefined]) {
      assert.equal(
        (await checker.check(checkOf(host, 'b/app', credential), 'b')).answer.result,
        'Inconclusive',
      );
    }
  });

  it('to a request without a credential is still checked with one', async () => {
    const { server, host } = await registry('Anonymous');
    await using _ = server;
    const { checker, requests } = started([host]);
    assert.equal((await checker.check(checkOf(host, 'a/app'), 'a')).answer.result, 'RateLimited');
    const sent = requests.length;
    assert.equal((await checker.check(checkOf(host, 'a/other'), 'b')).answer.result, 'RateLimited');
    assert.equal(requests.length, sent);
    assert.equal(
      (await checker.check(checkOf(host, 'b/app', login('good')), 'b')).answer.result,
      'Inconclusive',
    );
  });

  it('to the ping is not checked at all, for at most one hour', async () => {
    await using server = await answering((_, response) => response.writeHead(429, forbid).end());
    const host = `127.0.0.1:${server.port}`;
    const { checker, requests } = started([host]);
    const { answer, requestedAt } = await checker.check(checkOf(host, 'a/app'), 'a');
    assert.ok(
      answer.result === 'RateLimited' && answer.until - requestedAt <= 61 * MINUTE,
      'at most one hour',
    );
    const sent = requests.length;
    assert.equal(
      (await checker.check(checkOf(host, 'b/app', login('good')), 'b')).answer.result,
      'RateLimited',
    );
    assert.equal(requests.length, sent);
  });
});

describe('a namespace whose DNS look-ups wait for its own other look-ups', () => {
  it('gets LookupDelayed for each check, and the registry is still checked', async () => {
    const requests: string[] = [];
    const settings = { ...DEFAULT_REGISTRY_SETTINGS, concurrentLookups: 0, requestTimeout: 10 };
    const checker = new RegistryChecker({ settings, onRequest: ({ code }) => requests.push(code) });
    for (const repository of ['one', 'two']) {
      const { answer } = await checker.check(checkOf('registry.example', repository), 'a');
      assert.deepEqual(answer, { result: 'Unreachable', why: 'LookupDelayed', at: 'ping' });
    }
    assert.deepEqual(requests, ['LookupDelayed', 'LookupDelayed']);
  });
});

describe('a namespace next to another one whose DNS look-ups never end', () => {
  const accepted: Exchange['read'] = () => ({
    result: 'Login',
    credential: login('given'),
    expiresAt: undefined,
  });

  /** A checker in which the look-up of the host waits for namespace `a`, and starts at once for any other. */
  async function delayed() {
    const server = await answering((_, response) => knowNoRepository(response));
    const host = `registry.example:${server.port}`;
    const limits = { concurrentLookups: 8, requestTimeout: 2_000, checkTimeout: 10 * MINUTE };
    const places = { insecure: [host], localAddresses: ['127.0.0.1'] };
    const checker = new RegistryChecker({
      settings: { ...DEFAULT_REGISTRY_SETTINGS, ...limits, ...places },
      resolver: (hostname) =>
        hostname.endsWith('.silent.example')
          ? new Promise(() => undefined)
          : Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
    });
    for (const name of ['one', 'two']) void checker.check(checkOf(`${name}.silent.example`, 'app'), 'a');
    const exchange: Exchange = {
      request: () => ({ url: new URL(`http://${host}/`), headers: {}, body: new SecretValue('') }),
      read: accepted,
    };
    const way = { way: 'Exchange', exchange } as const;
    const keys: PlatformCredential = {
      ...{ result: 'Credential', kind: 'platform', description: 'keys', identity: new SecretValue('id') },
      expires: undefined,
      accessTo: () => ({ delivery: way, check: way }),
    };
    return { server, host, checker, keys };
  }

  it('does not wait for the same check of the other one, and gets an answer of its own', async () => {
    const { server, host, checker } = await delayed();
    await using _ = server;
    const check = checkOf(host, 'app');
    const other = checker.check(check, 'a');
    assert.equal((await checker.check(check, 'b')).answer.result, 'Inconclusive');
    checker.close();
    await other;
  });

  it('does not get the LookupDelayed of the other one, and shares its own answer', async () => {
    const { server, host, checker } = await delayed();
    await using _ = server;
    const check = checkOf(host, 'app');
    const expected = { result: 'Unreachable', why: 'LookupDelayed', at: 'ping' };
    assert.deepEqual((await checker.check(check, 'a')).answer, expected);
    assert.deepEqual(checker.answer(check, 'a')?.answer, expected);
    assert.equal(checker.answer(check, 'b'), undefined);
    assert.equal((await checker.check(check, 'b')).answer.result, 'Inconclusive');
    assert.equal(checker.answer(check, 'a')?.answer.result, 'Inconclusive');
    checker.close();
  });

  it('does not wait for the login of the other one, and gets a login of its own', async () => {
    const { server, host, checker, keys } = await delayed();
    await using _ = server;
    const others = [
      checker.obtainLogin(keys, host, 'a'),
      checker.check({ ...checkOf(host, 'app'), credential: keys }, 'a'),
    ];
    assert.equal((await checker.obtainLogin(keys, host, 'b'))?.answer.result, 'Login');
    checker.close();
    await Promise.all(others);
  });

  it('does not get the LookupDelayed of the other one for a login, either', async () => {
    const { server, host, checker, keys } = await delayed();
    await using _ = server;
    const expected = { result: 'Unreachable', why: 'LookupDelayed', at: 'token' };
    assert.deepEqual((await checker.obtainLogin(keys, host, 'a'))?.answer, expected);
    assert.equal(checker.login(keys, host, 'b'), undefined);
    assert.equal((await checker.obtainLogin(keys, host, 'b'))?.answer.result, 'Login');
    assert.equal(checker.login(keys, host, 'a')?.answer.result, 'Login');
    checker.close();
  });
});

describe('the same check by many namespaces', () => {
  for (const count of [20, 40]) {
    it(`reaches the registry at most as often as its concurrency limit: ${count} namespaces`, async () => {
      let pings = 0;
      await using server = await answering(({ url }, response) => {
        if (url === '/v2/') pings += 1;
        knowNoRepository(response);
      });
      const host = `127.0.0.1:${server.port}`;
      const { checker } = started([host]);
      const all = Array.from({ length: count }, (_, index) =>
        checker.check(checkOf(host, 'app'), `namespace-${index}`),
      );
      for (const { answer } of await Promise.all(all)) assert.equal(answer.result, 'Inconclusive');
      assert.ok(pings <= DEFAULT_REGISTRY_SETTINGS.concurrencyPerRegistry, `${pings}`);
    });
  }
});
