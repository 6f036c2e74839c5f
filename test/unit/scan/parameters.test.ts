import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hasCredentialParameters, imageParameter } from '../../../src/scan/parameters.ts';

describe('imageParameter', () => {
  const cases: readonly { name: string; parameters: readonly string[]; index?: number }[] = [
    { name: 'an image alone', parameters: ['nginx'], index: 0 },
    { name: 'behind a flag with its value', parameters: ['--severity', 'HIGH', 'nginx'], index: 2 },
    { name: 'behind a flag with = and a value', parameters: ['--severity=HIGH', 'nginx'], index: 1 },
    { name: 'behind a flag that takes no value', parameters: ['--ignore-unfixed', 'nginx'], index: 1 },
    { name: 'before flags', parameters: ['nginx', '--format', 'json'], index: 0 },
    { name: 'behind a short flag with its value', parameters: ['-s', 'HIGH', 'nginx'], index: 2 },
    { name: 'behind a short flag that holds its value', parameters: ['-sHIGH', 'nginx'], index: 1 },
    { name: 'behind short flags that take no value', parameters: ['-qd', 'nginx'], index: 1 },
    { name: 'behind --', parameters: ['--quiet', '--', 'nginx'], index: 2 },
    { name: 'none: only flags', parameters: ['--input', 'image.tar'] },
    { name: 'none: a value that looks like an image', parameters: ['--format', 'json'] },
    { name: 'none: no parameters', parameters: [] },
  ];
  for (const { name, parameters, index } of cases) {
    it(`finds the image: ${name}`, () => {
      const found = imageParameter(parameters);
      assert.equal(found.result === 'Image' ? found.index : undefined, index);
    });
  }

  it('says what is wrong with two images, or with something that is none', () => {
    assert.match(JSON.stringify(imageParameter(['nginx', 'redis'])), /expected one image.*found 2/);
    assert.match(JSON.stringify(imageParameter(['Not An Image'])), /Not An Image/);
  });
});

describe('hasCredentialParameters', () => {
  it('sees credentials in parameters, whichever way they are written', () => {
    for (const parameters of [['--username', 'u'], ['--password=p'], ['--registry-token', 't']]) {
      assert.equal(hasCredentialParameters(parameters), true, parameters.join(' '));
    }
    assert.equal(hasCredentialParameters(['--password-stdin', '--severity', 'HIGH']), false);
  });
});
