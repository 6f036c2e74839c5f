import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { readCredential } from '../../../src/platform/credential-reader.ts';
import { AWS_KEYS, credentialIn, keyFile, read, SERVICE_ACCOUNT } from './credential-secrets.ts';
import { largest, type RsaNumbers, rsaNumbers, rsaPem } from './rsa.ts';

const withKey = (pem: string) => keyFile({ ...SERVICE_ACCOUNT, private_key: pem });

function generated(bits: number): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function messageOf(texts: Readonly<Record<string, string>>, type?: string): string {
  const secret = read(texts, 'europe-docker.pkg.dev', type);
  return secret.result === 'Malformed'
    ? secret.message
    : assert.fail(`expected Malformed, found ${secret.result}`);
}

describe('the RSA key of a service account', () => {
  for (const [bits, numbers] of [
    [384, rsaNumbers(384)],
    [512, rsaNumbers(512)],
    [1_023, { ...rsaNumbers(1_024), n: largest(1_023) }],
    [4_097, { ...rsaNumbers(1_024), n: largest(4_097) }],
  ] as const) {
    it(`is refused with ${bits} bits, and the message names the actual and the accepted lengths`, () => {
      const message = messageOf(withKey(rsaPem(numbers)));
      assert.ok(message.includes(`an RSA key of 1024 to 4096 bits`), message);
      assert.ok(message.includes(`found one of ${bits} bits; create a new key`), message);
    });
  }

  for (const bits of [1_024, 2_048, 4_096]) {
    it(`signs with ${bits} bits`, () => {
      const { check } = credentialIn(withKey(generated(bits))).accessTo('europe-docker.pkg.dev');
      assert.equal(check.way, 'Exchange');
      if (check.way === 'Exchange') assert.match(check.exchange.request(0).body.reveal(), /assertion=/);
    });
  }

  it('is refused before it is parsed when its text is longer than a key of 4096 bits needs', () => {
    // This key can be parsed, and takes three seconds to sign.
    assert.match(messageOf(withKey(rsaPem(largeNumbers()))), /a private key of at most 4096 characters/);
    assert.match(messageOf(withKey(`${generated(1_024)}${'\n'.repeat(4_000)}`)), /at most 4096 characters/);
  });

  const numbers = rsaNumbers(2_048);
  const unusual: Readonly<Record<string, Partial<RsaNumbers>>> = {
    'a public exponent of 4000 bits': { e: largest(4_000) },
    'no modulus': { n: 0n },
    'an even modulus': { n: numbers.n + 1n },
    'no primes': { p: 0n, q: 0n, dp: 0n, dq: 0n, qi: 0n },
    'a private exponent that is longer than the modulus': { d: largest(8_000) },
    'a prime that is longer than the modulus': { p: largest(6_000) },
    'a coefficient that is longer than the modulus': { qi: largest(6_000) },
  };
  for (const [name, changes] of Object.entries(unusual)) {
    it(`is refused with ${name} without an exception`, () => {
      assert.match(messageOf(withKey(rsaPem({ ...numbers, ...changes }))), /the field private_key/);
    });
  }

  it('is accepted or refused without an exception when its numbers do not belong together', () => {
    for (const changes of [
      { dp: numbers.dp + 2n },
      { qi: numbers.qi + 2n },
      { p: 3n },
      { d: 0n },
      { e: 2n },
    ]) {
      const texts = withKey(rsaPem({ ...numbers, ...changes }));
      assert.match(read(texts, 'europe-docker.pkg.dev').result, /^(?:Credential|Malformed)$/);
    }
  });
});

/** Numbers of a 16,384-bit key. They are not primes, so that they are quick to create. */
function largeNumbers(): RsaNumbers {
  const [p, q] = [largest(8_192), largest(8_192) - 2n];
  return { n: p * q, e: 65_537n, d: largest(16_384), p, q, dp: largest(8_192), dq: largest(8_192), qi: 1n };
}

describe('a value of a credential Secret', () => {
  const long = 'x'.repeat(32 * 1_024 + 1);
  for (const [name, texts, key, type] of [
    ['a key file', { 'key.json': `{"x":"${long}"}` }, 'key.json'],
    ['a key file of 900 KiB', { 'key.json': `{"x":"${'x'.repeat(900 * 1_024)}"}` }, 'key.json'],
    ['a session token', { ...AWS_KEYS, 'session-token': long }, 'session-token'],
    ['a client secret', { clientId: 'x', clientSecret: long }, 'clientSecret'],
    ['a username', { username: long, password: 'x' }, 'username', 'kubernetes.io/basic-auth'],
    ['a password', { username: 'x', password: long }, 'password', 'kubernetes.io/basic-auth'],
  ] as const) {
    it(`is refused when it is longer than 32 KiB, and the message names its key: ${name}`, () => {
      const message = messageOf(texts, type);
      assert.ok(message.includes(`at most 32 KiB of text in the key "${key}", found more`), message);
    });
  }

  it('is refused because of its length before it is decoded, so that invalid base64 gets the same message', () => {
    const data = { 'key.json': '!'.repeat(100_000) };
    const annotations = { 'credentials.securecodebox.io/registries': 'a.example' };
    const secret = readCredential({ type: 'Opaque', data }, annotations);
    assert.match(JSON.stringify(secret), /at most 32 KiB of text/);
  });

  for (const count of [1_000, 2_000]) {
    it(`is found in one walk over the keys of its Secret: ${count} keys`, () => {
      let walks = 0;
      const many = Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'eA==']));
      const data = new Proxy(many, {
        ownKeys(target) {
          walks += 1;
          return Reflect.ownKeys(target);
        },
      });
      readCredential({ type: 'Opaque', data }, {});
      assert.equal(walks, 1);
    });
  }
});
