import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { publicUsername } from '../../../src/platform/public-username.ts';

const basic = (username: string) =>
  ({ kind: 'basic', username: new SecretValue(username), password: new SecretValue('p') }) as const;

describe('publicUsername', () => {
  const PUBLIC = ['AWS', '_json_key', '_json_key_base64', 'oauth2accesstoken', '$oauthtoken', 'iamapikey'];
  for (const username of [...PUBLIC, '00000000-0000-0000-0000-000000000000']) {
    it(`returns ${username}, which is publicly known`, () => {
      assert.equal(publicUsername(basic(username)), username);
    });
  }

  for (const username of [
    '',
    'alice',
    'aws',
    'AWS ',
    'glpat-token',
    '11111111-0000-0000-0000-000000000000',
  ]) {
    it(`does not return ${JSON.stringify(username)}`, () => {
      assert.equal(publicUsername(basic(username)), undefined);
    });
  }

  it('returns the known username of an identity token, and none for a registry token', () => {
    const token = new SecretValue('t');
    assert.equal(
      publicUsername({ kind: 'identityToken', username: new SecretValue('oauth2accesstoken'), token }),
      'oauth2accesstoken',
    );
    assert.equal(publicUsername({ kind: 'registryToken', token }), undefined);
  });
});
