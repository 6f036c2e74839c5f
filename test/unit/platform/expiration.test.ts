import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Credential } from '../../../src/credential/credential.ts';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { expirationOf } from '../../../src/platform/expiration.ts';
import { AWS_KEYS, credentialIn } from './credential-secrets.ts';

const EXPIRATION = 1_800_000_000;
const secret = (text: string) => new SecretValue(text);
const basic = (username: string, password: string): Credential => ({
  kind: 'basic',
  username: secret(username),
  password: secret(password),
});
const jwt = (claims: unknown) =>
  ['{"alg":"RS256"}', JSON.stringify(claims), 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');
const ecr = (document: unknown) => Buffer.from(JSON.stringify(document)).toString('base64');

describe('the expiration of a credential', () => {
  const cases: readonly (readonly [name: string, credential: Credential, ends: number | undefined])[] = [
    ["in ECR's password", basic('AWS', ecr({ payload: 'x', expiration: EXPIRATION })), EXPIRATION * 1_000],
    [
      'in a token of ACR',
      basic('00000000-0000-0000-0000-000000000000', jwt({ exp: EXPIRATION })),
      EXPIRATION * 1_000,
    ],
    [
      'in an identity token',
      { kind: 'identityToken', username: secret(''), token: secret(jwt({ exp: EXPIRATION })) },
      EXPIRATION * 1_000,
    ],
    [
      'in a registry token',
      { kind: 'registryToken', token: secret(jwt({ exp: EXPIRATION })) },
      EXPIRATION * 1_000,
    ],
    ['in an ordinary password', basic('user', 'a.b.c'), undefined],
    ["in ECR's password without the field", basic('AWS', ecr({ payload: 'x' })), undefined],
    ["in a password like ECR's of another user", basic('user', ecr({ expiration: EXPIRATION })), undefined],
    ['if it is not a number', basic('user', jwt({ exp: '1' })), undefined],
    ['if it is too large for a date', basic('user', jwt({ exp: 1e300 })), undefined],
    ['if it is negative', basic('user', jwt({ exp: -1 })), undefined],
    ['if the claims are not an object', basic('user', jwt([EXPIRATION])), undefined],
    ['in a password that is too long for a token', basic('AWS', 'A'.repeat(100_000)), undefined],
  ];
  for (const [name, credential, ends] of cases)
    it(`is ${ends === undefined ? 'unknown' : 'known'} ${name}`, () =>
      assert.equal(expirationOf(credential), ends));

  it('is read from a token only once', () => {
    let reads = 0;
    class CountedValue extends SecretValue {
      override reveal(): string {
        reads += 1;
        return super.reveal();
      }
    }
    const credential: Credential = {
      kind: 'registryToken',
      token: new CountedValue(jwt({ exp: EXPIRATION })),
    };
    for (let times = 0; times < 3; times += 1) assert.equal(expirationOf(credential), EXPIRATION * 1_000);
    assert.equal(reads, 1);
  });

  it('is read from the key `expiration` of temporary AWS keys', () => {
    assert.equal(
      expirationOf(credentialIn({ ...AWS_KEYS, expiration: String(EXPIRATION) })),
      EXPIRATION * 1_000,
    );
    assert.equal(expirationOf(credentialIn(AWS_KEYS)), undefined);
  });

  it('is read from the password of a basic-auth Secret', () => {
    const texts = { username: 'AWS', password: ecr({ expiration: EXPIRATION }) };
    assert.equal(expirationOf(credentialIn(texts, 'kubernetes.io/basic-auth')), EXPIRATION * 1_000);
  });
});
