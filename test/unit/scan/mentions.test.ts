import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatReference } from '../../../src/image/reference.ts';
import { mentionedImages } from '../../../src/scan/mentions.ts';

const found = (...parameters: readonly string[]) => mentionedImages(parameters).map(formatReference);

describe('the images that unreadable parameters mention', () => {
  const cases: readonly (readonly [text: string, image: string])[] = [
    ['docker://reg.example/app:1', 'reg.example/app:1'],
    ['docker-pullable://reg.example/app:1', 'reg.example/app:1'],
    ['https://me:secret@reg.example:5000/app:1', 'reg.example:5000/app:1'],
    ['oci:reg.example/app:1', 'reg.example/app:1'],
    ['"reg.example/app:1"', 'reg.example/app:1'],
    ['\u2018reg.example/app:1\u2019', 'reg.example/app:1'],
    [' reg.example/app:1\n', 'reg.example/app:1'],
    ['<reg.example/app:1>,', 'reg.example/app:1'],
    ['--image=reg.example/app:1', 'reg.example/app:1'],
    ['reg.example/app:1 --severity=X', 'reg.example/app:1'],
    ['reg.example/app/', 'reg.example/app'],
    ['reg.example/app:', 'reg.example/app'],
    ['reg.example/app:1:2', 'reg.example/app'],
    ['reg.example/app@sha256:ab', 'reg.example/app'],
    ['reg.example/app:1@latest', 'reg.example/app:1'],
    ['reg.example/App:1', 'reg.example/app'],
    ['[::1]:5000/app', '[::1]:5000/app'],
    ['`nginx:1`', 'docker.io/library/nginx:1'],
  ];
  for (const [text, image] of cases)
    it(`include ${image}, in ${JSON.stringify(text)}`, () => {
      assert.ok(found(text).includes(image), found(text).join(' '));
    });

  it('include no other repository that begins in the same way', () => {
    for (const text of ['reg.example/app-two', 'reg.example/app/two', 'areg.example/app'])
      assert.ok(!found(`"${text}"`).includes('reg.example/app'), text);
  });

  it('are at most eight, those with a path first, from the first 16,384 characters', () => {
    const words = Array.from({ length: 100 }, (_, index) => `word-${index}`);
    const images = Array.from({ length: 20 }, (_, index) => `reg.example/app-${index}`);
    assert.deepEqual(found(words.join(' '), images.join(' ')), images.slice(0, 8));
    assert.deepEqual(found('-'.repeat(20_000), 'reg.example/app'), []);
    assert.deepEqual(found(...Array(20_000).fill(''), 'reg.example/app'), []);
    assert.deepEqual(found('a'.repeat(2_000), `${'a/'.repeat(1_000)}b`), []);
  });
});
