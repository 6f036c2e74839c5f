import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseChallenges } from '../../../src/registry/login/challenge.ts';

const basic = { scheme: 'Basic' };
const bearer = (realm: string, service?: string, scope?: string) => ({
  scheme: 'Bearer',
  realm: new URL(realm),
  service,
  scope,
});

describe('challenges', () => {
  for (const [title, values, expected] of [
    ['none', [], []],
    [
      'Docker Hub',
      ['Bearer realm="https://auth.docker.io/token",service="registry.docker.io"'],
      [bearer('https://auth.docker.io/token', 'registry.docker.io')],
    ],
    [
      'GitHub',
      ['Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull"'],
      [bearer('https://ghcr.io/token', 'ghcr.io', 'repository:user/image:pull')],
    ],
    [
      'a scope with a comma in quotes',
      ['Bearer realm="https://r/t",scope="repository:a:pull,push",service="s"'],
      [bearer('https://r/t', 's', 'repository:a:pull,push')],
    ],
    [
      'ECR',
      ['Basic realm="https://123456789012.dkr.ecr.eu-central-1.amazonaws.com/",service="ecr.amazonaws.com"'],
      [basic],
    ],
    ['a realm without quotes', ['Bearer realm=https://r/token,service=s'], [bearer('https://r/token', 's')]],
    ['letter case and spaces', ['bEaReR  Realm = "https://r/t" , SERVICE="s"'], [bearer('https://r/t', 's')]],
    ['escapes', ['Bearer realm="https://r/t",service="a\\"b\\\\c"'], [bearer('https://r/t', 'a"b\\c')]],
    ['a duplicate parameter', ['Bearer realm="https://r/a",realm="https://r/b"'], [bearer('https://r/a')]],
    ['only a scheme', ['Basic'], [basic]],
    [
      'several in one value',
      ['Negotiate, Basic realm="a, b", Bearer realm="https://r/t"'],
      [basic, bearer('https://r/t')],
    ],
    ['several values', ['Bearer realm="https://r/t"', 'Basic realm="x"'], [bearer('https://r/t'), basic]],
    ['a token68', ['Negotiate YWJj==, Basic'], [basic]],
    ['empty list elements', [', ,Basic realm="x",, '], [basic]],
    ['an unknown scheme', ['DPoP algs="ES256"'], []],
    ['an empty value', [''], []],
  ] as const) {
    it(`are parsed: ${title}`, () => assert.deepEqual(parseChallenges(values), expected));
  }

  for (const [title, value] of [
    ['an open quote', 'Bearer realm="https://r/t'],
    ['no realm', 'Bearer service="s"'],
    ['a relative realm', 'Bearer realm="/token"'],
    ['a realm of another scheme', 'Bearer realm="ftp://r/t"'],
    ['a parameter without a value', 'Bearer realm='],
    ['a parameter without a scheme', '="x"'],
    ['an invalid token', 'Bearer realm="https://r/t", @'],
  ] as const) {
    it(`are refused with ${title}`, () => assert.equal(parseChallenges([value]), undefined));
  }

  it('are refused if there are more than 32, in one value or in several', () => {
    const many = (count: number) => Array.from({ length: count }, () => 'Basic');
    assert.equal(parseChallenges(many(32))?.length, 32);
    assert.equal(parseChallenges(many(33)), undefined);
    assert.equal(parseChallenges([many(32).join()])?.length, 32);
    assert.equal(parseChallenges([many(33).join()]), undefined);
    assert.equal(parseChallenges(['Negotiate,'.repeat(33)]), undefined);
  });

  it('are parsed without exceptions and in linear time', () => {
    const piece = fc.constantFrom(
      'Bearer ',
      'Basic',
      'realm=',
      '"',
      '\\',
      ',',
      ' ',
      '=',
      'https://r/t',
      'x',
      '\t',
      '@',
    );
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(fc.array(value), (values) => {
        const found = parseChallenges(values);
        assert.ok(
          found === undefined || found.every((each) => each.scheme === 'Basic' || each.realm instanceof URL),
        );
      }),
    );
    const begun = performance.now();
    for (const text of [
      'Bearer '.repeat(5_000),
      ','.repeat(32_768),
      `a ${'x='.repeat(16_000)}`,
      `a x="${'\\'.repeat(32_000)}`,
    ]) {
      parseChallenges([text]);
    }
    assert.ok(performance.now() - begun < 5_000);
  });

  it('are parsed back to the values that were quoted', () => {
    const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
    const text = fc.string({ unit: fc.constantFrom(...'abz019:/.,= "\\\t') });
    fc.assert(
      fc.property(text, text, (service, scope) => {
        const value = `Bearer realm="https://r/t",service=${quoted(service)},scope=${quoted(scope)}, Basic`;
        assert.deepEqual(parseChallenges([value]), [bearer('https://r/t', service, scope), basic]);
      }),
    );
  });
});
