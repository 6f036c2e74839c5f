import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { quoted } from '../../../src/text/quote.ts';

describe('a quoted text in a message', () => {
  const escaped: Readonly<Record<string, readonly string[]>> = {
    'control characters': ['\0', '\x1b', '\x7f', '\x85', '\x9f'],
    'characters that change the direction of text': [
      ...['\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069'],
      ...['\u200e', '\u200f', '\u061c'],
    ],
    'zero-width characters': ['\u200b', '\u200c', '\u200d', '\u2060', '\ufeff', '\u00ad'],
    'line separators': ['\u2028', '\u2029'],
    'unpaired surrogates': ['\ud83d', '\udd11'],
    'non-ASCII letters': ['\u0430', 'é'],
  };
  for (const [title, characters] of Object.entries(escaped)) {
    it(`has ${title} escaped`, () => {
      for (const character of characters) {
        const unit = character.charCodeAt(0).toString(16).padStart(4, '0');
        assert.equal(quoted(`a${character}b`), `"a\\u${unit}b"`);
      }
    });
  }

  it('has quotes and line breaks escaped as in JSON', () => {
    assert.equal(quoted('a"b\\c\nd'), '"a\\"b\\\\c\\nd"');
  });

  it('is truncated after 100 characters, even within a surrogate pair', () => {
    assert.equal(
      quoted(`${'a'.repeat(99)}🔑${'b'.repeat(100_000)}`),
      `"${'a'.repeat(99)}\\ud83d"… (100101 characters)`,
    );
  });

  it('does not show the password in a URL', () => {
    for (const [text, expected] of [
      ['https://user:Canary@reg.example/app', 'https://user:***@reg.example/app'],
      ['see https://a:b@c, and oci://:Canary@d:5000', 'see https://a:***@c, and oci://:***@d:5000'],
      [`a://u:${'Canary'.repeat(10)}@d`, 'a://u:***@d'],
      ['https://reg.example:5000/a@sha256:0', 'https://reg.example:5000/a@sha256:0'],
      ['reg.example/app:1@sha256:0', 'reg.example/app:1@sha256:0'],
    ] as const)
      assert.equal(quoted(text), JSON.stringify(expected));
    const long = quoted(`https://user:${'Canary'.repeat(100)}@d`);
    assert.match(long, /^"https:\/\/user:\*\*\*@d"/);
  });
});
