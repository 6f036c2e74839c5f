import assert from 'node:assert/strict';
import { verify } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  AUTHORIZED_USER,
  credentialIn,
  EXTERNAL_ACCOUNT,
  keyFile,
  PUBLIC_KEY,
  SERVICE_ACCOUNT,
} from '../credential-secrets.ts';
import { answer, exchangeOf, NOW, shown } from '../exchanges.ts';

const GAR = 'europe-docker.pkg.dev';

describe("a service account's key", () => {
  const exchange = exchangeOf(keyFile(SERVICE_ACCOUNT), GAR);

  it('is not sent: Google gets an assertion that is signed with it and valid for five minutes', () => {
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

  it('becomes no login if Google refuses or returns no token', () => {
    assert.equal(answer(exchange, { error: 'invalid_grant' }, 400).result, 'Refused');
    assert.equal(answer(exchange, { access_token: '' }).result, 'BadReply');
    assert.equal(answer(exchange, '[]').result, 'BadReply');
    assert.equal(answer(exchange, '', 302).result, 'BadReply');
  });

  it('is the only kind of key file that is exchanged', () => {
    for (const document of [AUTHORIZED_USER, EXTERNAL_ACCOUNT]) {
      const { check } = credentialIn(keyFile(document)).accessTo(GAR);
      assert.equal(check.way, 'NotCheckable');
    }
  });
});
