import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hasCredentialParameters, imageParameter } from '../../../src/scan/parameters.ts';

describe('imageParameter', () => {
  const cases: readonly { name: string; parameters: readonly string[]; index?: number }[] = [
    { name: 'as the only parameter', parameters: ['nginx'], index: 0 },
    { name: 'after a flag with its value', parameters: ['--severity', 'HIGH', 'nginx'], index: 2 },
    { name: 'after a flag with = and a value', parameters: ['--severity=HIGH', 'nginx'], index: 1 },
    { name: 'after a flag without a value', parameters: ['--ignore-unfixed', 'nginx'], index: 1 },
    { name: 'before flags', parameters: ['nginx', '--format', 'json'], index: 0 },
    { name: 'after a short flag with its value', parameters: ['-s', 'HIGH', 'nginx'], index: 2 },
    { name: 'after a short flag that contains its value', parameters: ['-sHIGH', 'nginx'], index: 1 },
    { name: 'after short flags without values', parameters: ['-qd', 'nginx'], index: 1 },
    { name: 'after --', parameters: ['--quiet', '--', 'nginx'], index: 2 },
    { name: 'among only flags', parameters: ['--input', 'image.tar'] },
    { name: 'in a value of a flag', parameters: ['--format', 'json'] },
    { name: 'without parameters', parameters: [] },
  ];
  for (const { name, parameters, index } of cases) {
    it(`${index === undefined ? 'finds no image' : 'finds the image'} ${name}`, () => {
      const found = imageParameter(parameters);
      assert.equal(found.result === 'Image' ? found.index : undefined, index);
    });
  }

  it('reports two images, or an invalid one', () => {
    assert.match(JSON.stringify(imageParameter(['nginx', 'redis'])), /expected one image.*found 2/);
    assert.match(JSON.stringify(imageParameter(['Not An Image'])), /Not An Image/);
  });
});

describe('hasCredentialParameters', () => {
  it('finds credentials in parameters in any notation', () => {
    for (const parameters of [['--username', 'u'], ['--password=p'], ['--registry-token', 't']]) {
      assert.equal(hasCredentialParameters(parameters), true, parameters.join(' '));
    }
    assert.equal(hasCredentialParameters(['--password-stdin', '--severity', 'HIGH']), false);
  });
});
