import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { credentialIn, SERVICE_PRINCIPAL } from '../credential-secrets.ts';
import { answer, exchangeOf, NOW, shown } from '../exchanges.ts';

describe('a service principal', () => {
  const { ClientID: client, ClientSecret: secret, TenantID: tenant } = SERVICE_PRINCIPAL;
  for (const [host, authority] of [
    ['acme.azurecr.io', 'login.microsoftonline.com'],
    ['acme.azurecr.cn', 'login.partner.microsoftonline.cn'],
    ['acme.azurecr.us', 'login.microsoftonline.us'],
  ] as const) {
    it(`is sent to ${authority} for ${host}, and the resulting token to the registry`, () => {
      const first = exchangeOf(SERVICE_PRINCIPAL, host);
      const { url, body } = first.request(NOW);
      assert.equal(url.href, `https://${authority}/${tenant}/oauth2/v2.0/token`);
      const sent = new URLSearchParams(body.reveal());
      assert.deepEqual([sent.get('client_id'), sent.get('client_secret')], [client, secret]);
      assert.equal(
        sent.get('scope'),
        'https://containerregistry.azure.net/.default',
        'the token is only for registries',
      );
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

  it('for a host with capital letters is exchanged as for the host in lower case', () => {
    const requests = ['MyRegistry.AzureCR.io', 'myregistry.azurecr.io'].map((host) => {
      const first = exchangeOf(SERVICE_PRINCIPAL, host);
      const step = answer(first, { access_token: 'entra' });
      if (step.result !== 'Next') throw new Error(`expected another request, found ${step.result}`);
      return [first, step.exchange].map((exchange) => {
        const { url, body } = exchange.request(NOW);
        return [url.href, body.reveal()];
      });
    });
    assert.deepEqual(requests[0], requests[1]);
    assert.match(JSON.stringify(requests[0]), /service=myregistry\.azurecr\.io/);
  });

  for (const [name, texts, host] of [
    ['without a tenant', { ClientID: client, ClientSecret: secret }, 'acme.azurecr.io'],
    ["of Germany's former cloud", SERVICE_PRINCIPAL, 'acme.azurecr.de'],
    ['for a custom domain', SERVICE_PRINCIPAL, 'images.acme.example'],
  ] as const) {
    it(`${name} is sent to the registry as a login, just as Trivy sends it`, () => {
      assert.equal(credentialIn(texts).accessTo(host).check.way, 'Login');
    });
  }
});
