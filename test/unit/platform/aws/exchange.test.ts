import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SecretValue } from '../../../../src/credential/secret-value.ts';
import { signV4 } from '../../../../src/platform/aws/signature-v4.ts';
import { AWS_KEYS } from '../credential-secrets.ts';
import { answer, exchangeOf, NOW, shown } from '../exchanges.ts';

describe('AWS keys', () => {
  // post-vanilla and post-sts-header-before of the test suite for Signature Version 4.
  for (const [name, sessionToken, signed] of [
    [
      'without a session token',
      undefined,
      'SignedHeaders=host;x-amz-date, ' +
        'Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
    ],
    [
      'with a session token',
      'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwth' +
        'Ax7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNV' +
        'XAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==',
      'SignedHeaders=host;x-amz-date;x-amz-security-token, ' +
        'Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead',
    ],
  ] as const) {
    it(`sign requests as in AWS's test suite: ${name}`, () => {
      const keys = {
        accessKeyId: 'AKIDEXAMPLE',
        secretAccessKey: new SecretValue('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'),
        sessionToken: sessionToken === undefined ? undefined : new SecretValue(sessionToken),
      };
      const request = {
        host: 'example.amazonaws.com',
        region: 'us-east-1',
        service: 'service',
        headers: {},
        body: '',
      };
      const { date, authorization } = signV4(request, keys, Date.parse('2015-08-30T12:36:00Z'));
      assert.equal(date, '20150830T123600Z');
      assert.equal(
        authorization.reveal(),
        `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ${signed}`,
      );
    });
  }

  it('that are temporary are sent with their session token', () => {
    const token = AWS_KEYS['secret-access-key'];
    const { headers } = exchangeOf({ ...AWS_KEYS, 'session-token': token }, 'public.ecr.aws').request(NOW);
    assert.equal(headers['x-amz-security-token'], token);
  });

  const account = '123456789012';
  const endpoints: Readonly<Record<string, string>> = {
    [`${account}.dkr.ecr.eu-central-1.amazonaws.com`]: 'api.ecr.eu-central-1.amazonaws.com',
    [`${account}.dkr.ecr-fips.us-gov-west-1.amazonaws.com`]: 'ecr-fips.us-gov-west-1.amazonaws.com',
    [`${account}.dkr.ecr.cn-north-1.amazonaws.com.cn`]: 'api.ecr.cn-north-1.amazonaws.com.cn',
    [`${account}.DKR.ecr.EU-Central-1.amazonaws.com`]: 'api.ecr.eu-central-1.amazonaws.com',
    [`${account}.dkr.ecr.eu-central-1.amazonaws.com:443`]: 'api.ecr.eu-central-1.amazonaws.com',
    [`${account}.dkr-ecr.eu-central-1.on.aws`]: 'api.ecr.eu-central-1.amazonaws.com',
    [`${account}.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn`]: 'api.ecr.cn-north-1.amazonaws.com.cn',
    [`${account}.dkr.ecr.us-iso-east-1.c2s.ic.gov`]: 'api.ecr.us-iso-east-1.c2s.ic.gov',
    [`${account}.dkr.ecr.us-isob-east-1.sc2s.sgov.gov`]: 'api.ecr.us-isob-east-1.sc2s.sgov.gov',
    [`${account}.dkr-ecr.us-isob-east-1.on.aws.scloud`]: 'api.ecr.us-isob-east-1.sc2s.sgov.gov',
    [`${account}.dkr.ecr.eusc-de-east-1.amazonaws.eu`]: 'api.ecr.eusc-de-east-1.amazonaws.eu',
    'public.ecr.aws': 'api.ecr-public.us-east-1.amazonaws.com',
    'ecr-public.aws.com': 'api.ecr-public.us-east-1.amazonaws.com',
  };
  for (const [host, endpoint] of Object.entries(endpoints)) {
    it(`sign requests to ${endpoint} for ${host}`, () => {
      const { url, headers } = exchangeOf(AWS_KEYS, host).request(NOW);
      assert.equal(url.href, `https://${endpoint}/`);
      assert.match(headers['x-amz-target'] ?? '', /\.GetAuthorizationToken$/);
    });
  }

  it('sign requests to the partition of the region in the secret for a custom domain', () => {
    const url = (region: string) =>
      exchangeOf({ ...AWS_KEYS, region }, 'images.acme.example').request(NOW).url.host;
    for (const [region, domain] of [
      ['eu-west-1', 'amazonaws.com'],
      ['us-gov-west-1', 'amazonaws.com'],
      ['cn-north-1', 'amazonaws.com.cn'],
      ['eusc-de-east-1', 'amazonaws.eu'],
      ['us-iso-east-1', 'c2s.ic.gov'],
      ['us-isob-east-1', 'sc2s.sgov.gov'],
      ['eu-isoe-west-1', 'cloud.adc-e.uk'],
      ['us-isof-south-1', 'csp.hci.ic.gov'],
    ] as const) {
      assert.equal(url(region), `api.ecr.${region}.${domain}`);
    }
  });

  const exchange = exchangeOf(AWS_KEYS, 'public.ecr.aws');
  const authorizationToken = Buffer.from('AWS:pass:word').toString('base64');
  it('become a login with the expiration of the answer', () => {
    const data = { authorizationToken, expiresAt: 1_800_000_000.5 };
    for (const authorizationData of [[data], data]) {
      assert.deepEqual(shown(answer(exchange, { authorizationData })), [
        'basic',
        'pass:word',
        1_800_000_000_500,
      ]);
    }
  });

  for (const expiresAt of ['1e400', '-1e400', '-1', '0', '1e300']) {
    it(`become no login if expiresAt is ${expiresAt}`, () => {
      const body = `{"authorizationData":[{"authorizationToken":"${authorizationToken}","expiresAt":${expiresAt}}]}`;
      assert.equal(answer(exchange, body).result, 'BadReply');
    });
  }

  it('become a login with the expiration in its password if the answer has none', () => {
    const password = Buffer.from('{"expiration":1800000000}').toString('base64');
    const data = { authorizationToken: Buffer.from(`AWS:${password}`).toString('base64') };
    assert.deepEqual(shown(answer(exchange, { authorizationData: data })), [
      'basic',
      password,
      1_800_000_000_000,
    ]);
  });

  for (const [name, body, status, result] of [
    ['an unknown key', { __type: 'UnrecognizedClientException', message: 'x' }, 400, 'Refused'],
    ['a missing permission', { __type: 'AccessDeniedException' }, 400, 'Refused'],
    ['too many requests', { __type: 'com.amazonaws#ThrottlingException' }, 400, 'Busy'],
    ['an internal error', '', 500, 'BadReply'],
    ['an HTML page', '<html>', 200, 'BadReply'],
    ['no token', { authorizationData: [] }, 200, 'BadReply'],
    ['a token without a username', { authorizationData: [{ authorizationToken: 'OnB3' }] }, 200, 'BadReply'],
    ['a token that is not base64', { authorizationData: [{ authorizationToken: '!' }] }, 200, 'BadReply'],
  ] as const) {
    it(`become no login if ECR answers with ${name}`, () =>
      assert.equal(answer(exchange, body, status).result, result));
  }
});
