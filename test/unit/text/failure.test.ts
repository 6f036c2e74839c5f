import assert from 'node:assert/strict';
import { it } from 'node:test';
import { failureMessage } from '../../../src/text/failure.ts';

it('names the kind of an unexpected error, and never shows its text', () => {
  const expected = 'the controller failed to process Secret shop/pull because of an error in its own code';
  const cases: readonly (readonly [unknown, string])[] = [
    [new RangeError('Canary-7Hq2'), 'RangeError'],
    ['Canary-7Hq2', 'string'],
    [undefined, 'undefined'],
  ];
  for (const [error, kind] of cases)
    assert.equal(failureMessage('Secret shop/pull', error), `${expected} (${kind})`);
});
