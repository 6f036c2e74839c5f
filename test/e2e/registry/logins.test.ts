/** Logins that clouds issue, over TLS and under the clouds' real names. The servers are stand-ins on loopback. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { makeCertificate } from '../../../hack/testenv/certificate.ts';
import { Cloud, type CloudAnswer } from '../../../hack/testenv/cloud.ts';
import { ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { parseImageReference } from '../../../src/image/reference.ts';
import { readCredential } from '../../../src/platform/credential-reader.ts';
import type { Exchange } from '../../../src/platform/exchange.ts';
import type { PlatformCredential } from '../../../src/platform/platform-credential.ts';
import { REGISTRIES_ANNOTATION } from '../../../src/platform/registries-annotation.ts';
import { RegistryChecker } from '../../../src/registry/checker.ts';
import { DEFAULT_REGISTRY_SETTINGS, type RegistrySettings } from '../../../src/registry/settings.ts';
import { ECR, ECR_API, ECR_PASSWORD, KEYS, SITES } from '../../support/clouds.ts';

const ELSEWHERE = 'elsewhere.acme.example';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const CHECK = { image: parseImageReference(`${ECR}/shop/payments:1.0`) };

describe('a login from a cloud', () => {
  let group: ProcessGroup;
  let cloud: Cloud;
  let settings: RegistrySettings;
  /** What the stand-ins answer. */
  let api: CloudAnswer;
  let registry: CloudAnswer;

  before(async () => {
    const log = (line: string) => process.stderr.write(`${line}\n`);
    group = await ProcessGroup.start();
    const certificate = await makeCertificate(group, [...Object.keys(SITES), ELSEWHERE], { log });
    const sites = {
      [ECR_API]: () => api,
      [ECR]: () => registry,
      [ELSEWHERE]: () => givenUntil(2_000_000_000),
    };
    cloud = await Cloud.start(certificate, sites, 'localhost:1');
    settings = {
      ...DEFAULT_REGISTRY_SETTINGS,
      certificateAuthorities: certificate.ca,
      proxy: { httpsProxy: cloud.proxy },
    };
  });
  after(async () => {
    await cloud?.[Symbol.asyncDispose]();
    await group?.stop();
  });

  function start(answer: CloudAnswer): RegistryChecker {
    api = answer;
    cloud.seen.length = 0;
    return new RegistryChecker({ settings });
  }
  const requestsTo = (host = ECR_API) => cloud.seen.filter((request) => request.host === host).length;

  it('is requested once for concurrent callers, and remembered', async () => {
    const checker = start(givenUntil(Date.now() / 1_000 + 12 * 3_600));
    const keys = awsKeys();
    const [first, second] = await Promise.all(
      [keys, keys].map((each) => checker.obtainLogin(each, ECR, 'shop')),
    );
    assert.equal(first?.answer.result, 'Login');
    assert.equal(second, first);
    assert.equal(await checker.obtainLogin(keys, ECR, 'shop'), first);
    assert.equal(checker.login(keys, ECR, 'shop'), first);
    assert.equal(requestsTo(), 1);
  });

  const renewals: Readonly<Record<string, readonly [ends: number, askedAgainAfter: number]>> = {
    'after two thirds of its lifetime': [12 * HOUR, 8 * HOUR],
    'after the check interval if it is valid for longer': [1_000 * HOUR, 12 * HOUR],
    'after a minute if it expires at once': [1_000, MINUTE],
    'after a minute if it has already expired by the local clock': [-HOUR, MINUTE],
  };
  for (const [name, [ends, after]] of Object.entries(renewals)) {
    it(`is requested again ${name}`, async () => {
      const known = await start(givenUntil((Date.now() + ends) / 1_000)).obtainLogin(awsKeys(), ECR, 'shop');
      const { requestedAt = 0, freshUntil = 0 } = known ?? {};
      // Allows a difference, because the expiration in the answer was computed from an earlier reading of the clock than
      // `requestedAt`.
      assert.ok(Math.abs(freshUntil - requestedAt - after) < 5_000, `after ${freshUntil - requestedAt} ms`);
    });
  }

  const failures: Readonly<Record<string, readonly [answer: CloudAnswer, expected: object, pause: number]>> =
    {
      'refuses the keys': [
        { status: 400, body: { __type: 'UnrecognizedClientException' } },
        { result: 'Denied', httpCode: 400, at: 'token' },
        HOUR,
      ],
      'answers 429 with Retry-After': [
        { status: 429, headers: { 'retry-after': '120' } },
        { result: 'RateLimited' },
        2 * MINUTE,
      ],
      'answers 503 with Retry-After': [
        { status: 503, headers: { 'retry-after': '120' } },
        { result: 'RateLimited' },
        2 * MINUTE,
      ],
      'reports throttling as ECR does': [
        { status: 400, body: { __type: 'ThrottlingException' } },
        { result: 'RateLimited' },
        MINUTE,
      ],
      'fails with a server error': [
        { status: 500 },
        { result: 'Unreachable', why: 'ServerError', at: 'token', httpCode: 500 },
        MINUTE,
      ],
      'answers without a token': [
        { status: 200 },
        { result: 'Unreachable', why: 'BadToken', at: 'token' },
        MINUTE,
      ],
      'answers with an unexpected status': [
        { status: 204 },
        { result: 'Unreachable', why: 'UnexpectedStatus', at: 'token', httpCode: 204 },
        MINUTE,
      ],
      'redirects to another host': [
        { status: 307, headers: { location: `https://${ELSEWHERE}/` } },
        { result: 'Unreachable', why: 'RedirectRefused', at: 'token', httpCode: 307 },
        MINUTE,
      ],
    };
  for (const [name, [answer, expected, pause]] of Object.entries(failures)) {
    it(`is missing for a time if the cloud ${name}`, async () => {
      const checker = start(answer);
      const known = await checker.obtainLogin(awsKeys(), ECR, 'shop');
      assert.ok(known !== undefined);
      assert.partialDeepStrictEqual(known.answer, expected);
      assert.ok(Math.abs(known.freshUntil - known.requestedAt - pause) < 5_000);
      assert.equal(requestsTo(), 1);
      assert.equal(requestsTo(ELSEWHERE), 0);
    });
  }

  for (const deny of [ECR_API, '*.*.*.amazonaws.com', `${ECR_API}:443`]) {
    it(`is not requested if the deny list names the endpoint of the cloud: ${deny}`, async () => {
      start(givenUntil(2_000_000_000));
      const checker = new RegistryChecker({ settings: { ...settings, deny: [deny] } });
      const refused = { result: 'Unreachable', why: 'RealmForbidden', at: 'token' };
      assert.deepEqual((await checker.obtainLogin(awsKeys(), ECR, 'shop'))?.answer, refused);
      const { answer } = await checker.check({ ...CHECK, credential: awsKeys() }, 'shop');
      assert.deepEqual(answer, refused);
      assert.deepEqual([cloud.seen, cloud.unknown], [[], []]);
    });
  }

  describe('and its registry', () => {
    it('is requested again if the registry refuses the current one', async () => {
      const checker = start(givenUntil(Date.now() / 1_000 + 12 * 3_600));
      const check = { ...CHECK, credential: awsKeys() };
      registry = { status: 403 };
      for (const times of [1, 2]) {
        const image = { ...check.image, repository: `shop/payments-${times}` };
        assert.equal((await checker.check({ ...check, image }, 'shop')).answer.result, 'Denied');
        assert.equal(requestsTo(), times);
      }
    });

    it('does not prevent an anonymous check if it is missing', async () => {
      const checker = start({ status: 429 });
      const { answer } = await checker.check({ ...CHECK, credential: awsKeys() }, 'shop');
      assert.equal(answer.result, 'RateLimited');
      assert.equal(requestsTo(ECR), 0);
      registry = { status: 401, headers: { 'www-authenticate': 'Basic realm="test"' } };
      await checker.check({ ...CHECK, credential: undefined }, 'shop');
      assert.notEqual(requestsTo(ECR), 0);
    });

    it('is not requested in an endless chain of exchanges', async () => {
      const checker = start({ status: 200 });
      const circle: Exchange = {
        request: () => ({ url: new URL(`https://${ECR_API}/`), headers: {}, body: new SecretValue('') }),
        read: () => ({ result: 'Next', exchange: circle }),
      };
      const way = { way: 'Exchange', exchange: circle } as const;
      const credential = { ...awsKeys(), accessTo: () => ({ delivery: way, check: way }) };
      const known = await checker.obtainLogin(credential, ECR, 'shop');
      assert.deepEqual(known?.answer, { result: 'Unreachable', why: 'BadToken', at: 'token' });
      assert.equal(requestsTo(), 2);
    });
  });
});

/**
 * Builds the answer of ECR's API with a login.
 *
 * @param expiresAt - seconds since 1970
 */
function givenUntil(expiresAt: number): CloudAnswer {
  const authorizationToken = Buffer.from(`AWS:${ECR_PASSWORD}`).toString('base64');
  return { status: 200, body: { authorizationData: [{ authorizationToken, expiresAt }] } };
}

function awsKeys(): PlatformCredential {
  const data = Object.fromEntries(Object.entries(KEYS).map(([key, text]) => [key, btoa(text)]));
  const secret = readCredential({ type: 'Opaque', data }, { [REGISTRIES_ANNOTATION]: ECR });
  return secret.result === 'Credential' ? secret.credential : assert.fail(secret.result);
}
