import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { reasonOf } from '../../../src/registry/http/network-error.ts';
import { retryAt } from '../../../src/registry/http/retry-after.ts';
import { parseChallenges } from '../../../src/registry/login/challenge.ts';
import { bearerAuthorization, readTokenReply } from '../../../src/registry/login/token.ts';
import { readManifestReply } from '../../../src/registry/manifest.ts';

const bounds = { defaultRetryAfter: 60_000, longestRetryAfter: 3_600_000 };

describe('any response of a registry', () => {
  const text = fc.string({ unit: 'binary' });
  const json = fc.json({ maxDepth: 4 });
  const shaped = fc
    .record({
      errors: fc.array(
        fc.oneof(
          fc.anything(),
          fc.record({ code: fc.constantFrom('DENIED', 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN', 7) }),
        ),
      ),
      token: fc.anything(),
    })
    .map((value) => JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? '1' : each)));
  const reply = fc.record({
    status: fc.integer({ min: 100, max: 999 }),
    headers: fc.dictionary(
      fc.constantFrom('content-type', 'docker-content-digest', 'www-authenticate', 'retry-after'),
      fc.array(text),
    ),
    body: fc.oneof(text, json, shaped),
  });

  it('is parsed into a known answer without any text of the registry', () => {
    fc.assert(
      fc.property(reply, (each) => {
        const answer = readManifestReply(each);
        const own = Object.entries(answer).every(
          ([name, value]) =>
            name === 'httpCode' || /^(?:[A-Z][A-Za-z]+|manifest|sha\d+:[0-9a-f]+)$/.test(String(value)),
        );
        assert.ok(own, JSON.stringify(answer));
        const token = readTokenReply(each, { method: 'GET' });
        assert.ok(
          token instanceof SecretValue || token.result === 'Denied' || token.result === 'Unreachable',
        );
        const header = token instanceof SecretValue ? bearerAuthorization(token) : undefined;
        assert.ok(header === undefined || /^Bearer [\x21-\x7e]+$/.test(header));
        parseChallenges(each.headers['www-authenticate'] ?? []);
      }),
    );
  });

  it('is read up to the sixteenth error in its body', () => {
    const at = (index: number) =>
      JSON.stringify({
        errors: Array.from({ length: index }, () => ({ code: 'X' })).concat({ code: 'NAME_UNKNOWN' }),
      });
    for (const [body, why] of [
      [at(15), 'RepositoryUnknown'],
      [at(16), 'NotFound'],
    ] as const) {
      assert.deepEqual(readManifestReply({ status: 404, headers: {}, body }), {
        result: 'Inconclusive',
        why,
      });
    }
  });

  it('has its Retry-After limited to the bounds', () => {
    const value = fc.option(
      fc.oneof(
        text,
        fc.integer().map(String),
        fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
      ),
      {
        nil: undefined,
      },
    );
    fc.assert(
      fc.property(value, fc.integer({ min: 0, max: 4e12 }), (header, now) => {
        const wait = retryAt(header, now, bounds) - now;
        assert.ok(wait >= 1_000 && wait <= bounds.longestRetryAfter, String(wait));
      }),
    );
  });

  for (const [header, wait] of [
    ['7', 7_000],
    [' 7 ', 7_000],
    ['0', 1_000],
    ['-7', 60_000],
    ['1.5', 60_000],
    ['Thu, 01 Jan 1970 00:02:03 GMT', 23_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 1_000],
    ['1765000000', 3_600_000],
    ['', 60_000],
    [undefined, 60_000],
  ] as const) {
    it(`with Retry-After ${JSON.stringify(header)} causes a wait of ${wait} ms`, () => {
      assert.equal(retryAt(header, 100_000, bounds), 100_000 + wait);
    });
  }
});

describe('a network error', () => {
  const withCode = (code: string, name = 'Error') => Object.assign(new Error('x'), { code, name });
  for (const [error, reason] of [
    [withCode('ECONNREFUSED'), 'ConnectionRefused'],
    [new AggregateError([withCode('ENETUNREACH'), withCode('ECONNREFUSED')]), 'ConnectionRefused'],
    [withCode('EAI_AGAIN'), 'DnsFailure'],
    [withCode('ENOTFOUND'), 'DnsFailure'],
    [withCode('ERR_SSL_WRONG_VERSION_NUMBER'), 'TlsFailure'],
    [withCode('HPE_HEADER_OVERFLOW', 'HTTPParserError'), 'TooLarge'],
    [withCode('HPE_INVALID_CONSTANT', 'HTTPParserError'), 'BadReply'],
    [Object.assign(new Error(''), { name: 'HTTPParserError', code: undefined }), 'BadReply'],
    [withCode('constructor'), 'NetworkFailure'],
    [new AggregateError([]), 'NetworkFailure'],
    ['text', 'NetworkFailure'],
  ] as const) {
    it(`is ${reason} for ${String(error)} ${typeof error === 'object' && 'code' in error ? error.code : ''}`, () => {
      assert.equal(reasonOf(error), reason);
    });
  }
});
