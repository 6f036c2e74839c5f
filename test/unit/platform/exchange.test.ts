import assert from 'node:assert/strict';
import { verify } from 'node:crypto';
import { describe, it } from 'node:test';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { signV4 } from '../../../src/platform/aws/signature-v4.ts';
import type { Exchange, ExchangeStep } from '../../../src/platform/exchange.ts';
import {
  AUTHORIZED_USER,
  AWS_KEYS,
  credentialIn,
  EXTERNAL_ACCOUNT,
  keyFile,
  PUBLIC_KEY,
  SERVICE_ACCOUNT,
  SERVICE_PRINCIPAL,
} from './credential-secrets.ts';

const NOW = Date.parse('2026-11-24T03:30:00.250Z');
const GAR = 'europe-docker.pkg.dev';

function exchangeOf(texts: Readonly<Record<string, string>>, host: string): Exchange {
  const { check } = credentialIn(texts).accessTo(host);
  if (check.way !== 'Exchange') throw new Error(`expected an exchange, found ${check.way}`);
  return check.exchange;
}

function answer(exchange: Exchange, body: unknown, status = 200): ExchangeStep {
  return exchange.read({ status, body: typeof body === 'string' ? body : JSON.stringify(body) }, NOW);
}

/** What a login shows, in clear: for assertions alone. */
function shown(step: ExchangeStep): unknown {
  if (step.result !== 'Login') return step.result;
  const { credential, ends } = step;
  const secret = credential.kind === 'basic' ? credential.password : credential.token;
  return [credential.kind, secret.reveal(), ends];
}

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
    it(`are shown by a signature that is AWS's own: ${name}`, () => {
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

  it('that are temporary come with their session token', () => {
    const token = AWS_KEYS['secret-access-key'];
    const { headers } = exchangeOf({ ...AWS_KEYS, 'session-token': token }, 'public.ecr.aws').request(NOW);
    assert.equal(headers['x-amz-security-token'], token);
  });

  const account = '123456789012';
  const endpoints: Readonly<Record<string, string>> = {
    [`${account}.dkr.ecr.eu-central-1.amazonaws.com`]: 'api.ecr.eu-central-1.amazonaws.com',
    [`${account}.dkr.ecr-fips.us-gov-west-1.amazonaws.com`]: 'ecr-fips.us-gov-west-1.amazonaws.com',
    [`${account}.dkr.ecr.cn-north-1.amazonaws.com.cn`]: 'api.ecr.cn-north-1.amazonaws.com.cn',
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
    it(`are shown to ${endpoint} for ${host}`, () => {
      const { url, headers } = exchangeOf(AWS_KEYS, host).request(NOW);
      assert.equal(url.href, `https://${endpoint}/`);
      assert.match(headers['x-amz-target'] ?? '', /\.GetAuthorizationToken$/);
    });
  }

  it('for a name of their own are shown to the partition of the region in the secret', () => {
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
  it('become a login that ends', () => {
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

  it('become a login that says itself when it ends, where the answer does not', () => {
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
    ['no right', { __type: 'AccessDeniedException' }, 400, 'Refused'],
    ['too many requests', { __type: 'com.amazonaws#ThrottlingException' }, 400, 'Busy'],
    ['an error of its own', '', 500, 'BadReply'],
    ['a page', '<html>', 200, 'BadReply'],
    ['no token', { authorizationData: [] }, 200, 'BadReply'],
    ['a token without a user', { authorizationData: [{ authorizationToken: 'OnB3' }] }, 200, 'BadReply'],
    ['a token that is no base64', { authorizationData: [{ authorizationToken: '!' }] }, 200, 'BadReply'],
  ] as const) {
    it(`become none where ECR answers with ${name}`, () =>
      assert.equal(answer(exchange, body, status).result, result));
  }
});

describe("a service account's key", () => {
  const exchange = exchangeOf(keyFile(SERVICE_ACCOUNT), GAR);

  it('stays here: Google is shown an assertion that it signed, for five minutes', () => {
    const { url, body } = exchange.request(NOW);
    assert.equal(url.href, 'https://oauth2.googleapis.com/token');
    const assertion = new URLSearchParams(body.reveal()).get('assertion') ?? '';
    const [head = '', claims = '', signature = ''] = assertion.split('.');
    assert.ok(
      verify('sha256', Buffer.from(`${head}.${claims}`), PUBLIC_KEY, Buffer.from(signature, 'base64url')),
    );
    const { iss, aud, iat, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString());
    const issued = Math.floor(NOW / 1_000);
    assert.deepEqual([iss, aud, iat, exp], [SERVICE_ACCOUNT.client_email, url.href, issued, issued + 300]);
  });

  it('becomes an access token', () => {
    assert.deepEqual(shown(answer(exchange, { access_token: 't', expires_in: 3_599 })), [
      'basic',
      't',
      NOW + 3_599_000,
    ]);
    assert.deepEqual(shown(answer(exchange, { access_token: 't' })), ['basic', 't', undefined]);
  });

  for (const lasts of ['1e400', '-1e400', '-3600', '0', '1e300']) {
    it(`becomes no login if expires_in is ${lasts}, because an access token always expires`, () => {
      assert.equal(answer(exchange, `{"access_token":"t","expires_in":${lasts}}`).result, 'BadReply');
    });
  }

  it('becomes none where Google refuses, or gives none', () => {
    assert.equal(answer(exchange, { error: 'invalid_grant' }, 400).result, 'Refused');
    assert.equal(answer(exchange, { access_token: '' }).result, 'BadReply');
    assert.equal(answer(exchange, '[]').result, 'BadReply');
    assert.equal(answer(exchange, '', 302).result, 'BadReply');
  });

  it('alone of all key files is exchanged', () => {
    for (const document of [AUTHORIZED_USER, EXTERNAL_ACCOUNT]) {
      const { check } = credentialIn(keyFile(document)).accessTo(GAR);
      assert.equal(check.way, 'NotCheckable');
    }
  });
});

describe('a service principal', () => {
  const { ClientID: client, ClientSecret: secret, TenantID: tenant } = SERVICE_PRINCIPAL;
  for (const [host, place] of [
    ['acme.azurecr.io', 'login.microsoftonline.com'],
    ['acme.azurecr.cn', 'login.partner.microsoftonline.cn'],
    ['acme.azurecr.us', 'login.microsoftonline.us'],
  ] as const) {
    it(`is shown to ${place} for ${host}, which is shown what comes of it`, () => {
      const first = exchangeOf(SERVICE_PRINCIPAL, host);
      const { url, body } = first.request(NOW);
      assert.equal(url.href, `https://${place}/${tenant}/oauth2/v2.0/token`);
      const sent = new URLSearchParams(body.reveal());
      assert.deepEqual([sent.get('client_id'), sent.get('client_secret')], [client, secret]);
      assert.equal(sent.get('scope'), 'https://containerregistry.azure.net/.default', 'for nothing else');
      const step = answer(first, { access_token: 'entra' });
      if (step.result !== 'Next') throw new Error(`expected another request, found ${step.result}`);
      const next = step.exchange.request(NOW);
      assert.equal(next.url.href, `https://${host}/oauth2/exchange`);
      assert.ok(!next.body.reveal().includes(encodeURIComponent(secret)));
      assert.equal(new URLSearchParams(next.body.reveal()).get('access_token'), 'entra');
      assert.deepEqual(shown(answer(step.exchange, { refresh_token: 'r' })), [
        'identityToken',
        'r',
        undefined,
      ]);
      const jwt = `e30.${Buffer.from('{"exp":1800000000}').toString('base64url')}.c2lnbmF0dXJl`;
      assert.deepEqual(shown(answer(step.exchange, { refresh_token: jwt })), [
        'identityToken',
        jwt,
        1_800_000_000_000,
      ]);
      assert.equal(answer(step.exchange, {}).result, 'BadReply');
      assert.equal(answer(step.exchange, '', 401).result, 'Refused');
    });
  }

  for (const [name, texts, host] of [
    ['without a tenant', { ClientID: client, ClientSecret: secret }, 'acme.azurecr.io'],
    ["in Germany's cloud, which has closed", SERVICE_PRINCIPAL, 'acme.azurecr.de'],
    ['under a name of its own', SERVICE_PRINCIPAL, 'images.acme.example'],
  ] as const) {
    it(`${name} is shown to the registry, as Trivy shows it`, () => {
      assert.equal(credentialIn(texts).accessTo(host).check.way, 'Login');
    });
  }
});
