import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Credential } from '../../../src/credential/credential.ts';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { expirationOf } from '../../../src/platform/expiration.ts';
import { AWS_KEYS, credentialIn } from './credential-secrets.ts';

const END = 1_800_000_000;
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

describe('when a credential ends', () => {
  const cases: readonly (readonly [name: string, credential: Credential, ends: number | undefined])[] = [
    ["ECR's password says it", basic('AWS', ecr({ payload: 'x', expiration: END })), END * 1_000],
    ['a token of ACR says it', basic('00000000-0000-0000-0000-000000000000', jwt({ exp: END })), END * 1_000],
    [
      'an identity token says it',
      { kind: 'identityToken', username: secret(''), token: secret(jwt({ exp: END })) },
      END * 1_000,
    ],
    ['a registry token says it', { kind: 'registryToken', token: secret(jwt({ exp: END })) }, END * 1_000],
    ['a password does not say', basic('user', 'a.b.c'), undefined],
    ["ECR's password without it", basic('AWS', ecr({ payload: 'x' })), undefined],
    ["what is like ECR's password, of another user", basic('user', ecr({ expiration: END })), undefined],
    ['a time that is no number', basic('user', jwt({ exp: '1' })), undefined],
    ['a time beyond all calendars', basic('user', jwt({ exp: 1e300 })), undefined],
    ['a time before the beginning', basic('user', jwt({ exp: -1 })), undefined],
    ['claims that are no object', basic('user', jwt([END])), undefined],
    ['a password that is too long to be a token', basic('AWS', 'A'.repeat(100_000)), undefined],
  ];
  for (const [name, credential, ends] of cases) it(name, () => assert.equal(expirationOf(credential), ends));

  it('is read from a token once, however often it is requested', () => {
    let reads = 0;
    class CountedValue extends SecretValue {
      override reveal(): string {
        reads += 1;
        return super.reveal();
      }
    }
    const credential: Credential = { kind: 'registryToken', token: new CountedValue(jwt({ exp: END })) };
    for (let times = 0; times < 3; times += 1) assert.equal(expirationOf(credential), END * 1_000);
    assert.equal(reads, 1);
  });

  it('is said by temporary AWS keys, where whoever made them wrote it down', () => {
    assert.equal(expirationOf(credentialIn({ ...AWS_KEYS, expiration: String(END) })), END * 1_000);
    assert.equal(expirationOf(credentialIn(AWS_KEYS)), undefined);
  });

  it('is said by the password of a login', () => {
    const texts = { username: 'AWS', password: ecr({ expiration: END }) };
    assert.equal(expirationOf(credentialIn(texts, 'kubernetes.io/basic-auth')), END * 1_000);
  });
});
