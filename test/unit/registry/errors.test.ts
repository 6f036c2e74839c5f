import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeAnswer } from '../../../src/answer/registry-answer.ts';
import type { Credential } from '../../../src/credential/credential.ts';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { parseImageReference } from '../../../src/image/reference.ts';
import { type Exchange, SigningError } from '../../../src/platform/exchange.ts';
import type { Access, PlatformCredential } from '../../../src/platform/platform-credential.ts';
import { RegistryChecker } from '../../../src/registry/checker.ts';
import { DEFAULT_REGISTRY_SETTINGS } from '../../../src/registry/settings.ts';
import { answering } from './servers.ts';

const image = (host: string) => parseImageReference(`${host}/team/app:1`);
const login: Credential = { kind: 'basic', username: new SecretValue('u'), password: new SecretValue('p') };

function fail(): never {
  throw new RangeError('canary');
}

function credential(part: Partial<PlatformCredential>): PlatformCredential {
  const check = { way: 'Login', credential: login } as const;
  const whole: PlatformCredential = {
    result: 'Credential',
    kind: 'platform',
    description: 'keys',
    identity: new SecretValue('identity'),
    expires: undefined,
    accessTo: () => ({ check, delivery: check }),
  };
  // A spread would read the getters that throw.
  return Object.defineProperties(whole, Object.getOwnPropertyDescriptors(part));
}

function byExchange(exchange: Exchange): Pick<PlatformCredential, 'accessTo'> {
  const check: Access['check'] = { way: 'Exchange', exchange };
  return { accessTo: () => ({ check, delivery: check }) };
}

/** Places where an unexpected error may occur. */
const BROKEN: Readonly<Record<string, Partial<PlatformCredential>>> = {
  'the way into a registry': { accessTo: fail },
  'its identity': {
    get identity(): SecretValue {
      return fail();
    },
  },
  'its expiration': {
    get expires(): number {
      return fail();
    },
  },
  'the request to its cloud': byExchange({ request: fail, read: fail }),
  'a valid request to its cloud': byExchange({
    request: () => ({
      url: new URL('about:blank'),
      headers: { 'no header': '\n' },
      body: new SecretValue(''),
    }),
    read: fail,
  }),
};

describe('an unexpected error', () => {
  for (const [name, part] of Object.entries(BROKEN)) {
    it(`ends only the check of the credential that fails to provide ${name}`, async () => {
      const errors: unknown[] = [];
      await using server = await answering((_, response) => response.writeHead(404).end());
      const host = `127.0.0.1:${server.port}`;
      const settings = { ...DEFAULT_REGISTRY_SETTINGS, insecure: [host], localAddresses: ['127.0.0.1'] };
      const checker = new RegistryChecker({ settings, onError: (error) => errors.push(error) });
      const broken = { image: image(host), credential: credential(part) };

      const known = await checker.check(broken, 'a');
      assert.equal(known.answer.result, 'Unreachable');
      const reported = errors.length;
      assert.deepEqual(await checker.check(broken, 'a'), known, 'remembered');
      assert.deepEqual(checker.answer(broken, 'a'), known);
      assert.equal(errors.length, reported, 'reported once');
      assert.ok(known.freshUntil - known.requestedAt <= DEFAULT_REGISTRY_SETTINGS.unreachableTtl);
      assert.doesNotMatch(describeAnswer(known.answer), /canary/);

      const obtained = await checker.obtainLogin(broken.credential, host, 'a');
      assert.notEqual(obtained?.answer.result, 'Login');
      assert.deepEqual(checker.login(broken.credential, host, 'a'), obtained);

      const other = await checker.check({ image: image(host), credential: login }, 'a');
      assert.equal(other.answer.result, 'Inconclusive', 'the registry is still checked');
      checker.close();
    });
  }

  it('is reported as an error of the controller, and the error goes to the callback', async () => {
    const errors: unknown[] = [];
    const checker = new RegistryChecker({
      settings: DEFAULT_REGISTRY_SETTINGS,
      onError: (error) => errors.push(error),
    });
    const check = { image: image('registry.example'), credential: credential({ accessTo: fail }) };
    const { answer } = await checker.check(check, 'a');
    assert.deepEqual(answer, { result: 'Unreachable', why: 'InternalError', at: 'ping' });
    assert.equal(
      describeAnswer(answer),
      'the registry could not be checked because of an error in the controller',
    );
    assert.deepEqual(errors.map(String), ['RangeError: canary']);
  });

  it('is cached for a login, too, so that no loop of requests follows', async () => {
    let errors = 0;
    const onError = () => {
      errors += 1;
    };
    const checker = new RegistryChecker({ settings: DEFAULT_REGISTRY_SETTINGS, onError });
    const keys = credential({ accessTo: fail });
    const obtained = await checker.obtainLogin(keys, 'registry.example', 'a');
    assert.deepEqual(obtained?.answer, { result: 'Unreachable', why: 'InternalError', at: 'token' });
    for (let times = 0; times < 10; times += 1) {
      assert.deepEqual(checker.login(keys, 'registry.example', 'a'), obtained);
      assert.deepEqual(await checker.obtainLogin(keys, 'registry.example', 'a'), obtained);
    }
    assert.equal(errors, 1);
  });

  it('is remembered only for the namespace of the check, even if another one has equal keys', async () => {
    let errors = 0;
    const onError = () => {
      errors += 1;
    };
    const checker = new RegistryChecker({ settings: DEFAULT_REGISTRY_SETTINGS, onError });
    const checkOf = () => ({
      image: image('registry.example'),
      credential: credential(byExchange({ request: fail, read: fail })),
    });
    for (const namespace of ['a', 'a', 'b', 'b']) {
      assert.equal(checker.answer(checkOf(), namespace === 'a' ? 'b' : 'c'), undefined);
      const { answer } = await checker.check(checkOf(), namespace);
      assert.deepEqual(answer, { result: 'Unreachable', why: 'InternalError', at: 'token' });
    }
    assert.equal(errors, 2);
  });

  it('does not prevent another check after it expires', async () => {
    let times = 0;
    const settings = { ...DEFAULT_REGISTRY_SETTINGS, unreachableTtl: 1 };
    const checker = new RegistryChecker({ settings });
    const exchange: Exchange = {
      request: () => {
        times += 1;
        return fail();
      },
      read: fail,
    };
    const check = { image: image('registry.example'), credential: credential(byExchange(exchange)) };
    for (const expected of [1, 2, 3]) {
      const { freshUntil } = await checker.check(check, 'a');
      assert.equal(times, expected);
      while (Date.now() <= freshUntil) await new Promise(setImmediate);
    }
  });
});

describe('a key that cannot sign', () => {
  it('is reported with its own reason, and not as an error of the controller', async () => {
    const settings = DEFAULT_REGISTRY_SETTINGS;
    const checker = new RegistryChecker({ settings, onError: (error) => assert.fail(String(error)) });
    const exchange: Exchange = {
      request: () => {
        throw new SigningError('cannot sign');
      },
      read: fail,
    };
    const keys = credential(byExchange(exchange));
    const expected = { result: 'Unreachable', why: 'SigningFailed', at: 'token' } as const;
    const { answer } = await checker.check({ image: image('registry.example'), credential: keys }, 'a');
    assert.deepEqual(answer, expected);
    assert.deepEqual((await checker.obtainLogin(keys, 'registry.example', 'a'))?.answer, expected);
    assert.equal(
      describeAnswer(answer),
      "the registry's token server cannot issue a login, because the key in the Secret cannot sign the request",
    );
  });
});

describe('a time in an answer', () => {
  for (const expiredAt of [Number.NaN, Number.POSITIVE_INFINITY, -1e300, 8.64e15 + 1]) {
    it(`is left out of the message when it is out of range: ${expiredAt}`, () => {
      assert.equal(describeAnswer({ result: 'Expired', expiredAt }), 'the credential expired');
    });
  }

  it('restored from status counts as now if it is in the future, and is ignored if it is not finite', () => {
    const settings = DEFAULT_REGISTRY_SETTINGS;
    const checker = new RegistryChecker({ settings });
    const check = { image: image('registry.example'), credential: login };
    for (const requestedAt of [Number.NaN, Number.POSITIVE_INFINITY]) {
      checker.restore(check, { answer: { result: 'Pullable' }, requestedAt }, 'a');
      assert.equal(checker.answer(check, 'a'), undefined);
    }
    checker.restore(check, { answer: { result: 'Pullable' }, requestedAt: 1e300 }, 'a');
    const { requestedAt = Number.NaN, freshUntil = Number.NaN } = checker.answer(check, 'a') ?? {};
    assert.ok(requestedAt <= Date.now() && freshUntil <= Date.now() + settings.acceptedTtl);
  });
});
