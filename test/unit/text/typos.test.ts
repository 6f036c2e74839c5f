import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { typosBetween } from '../../../src/text/typos.ts';

const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '.'), maxLength: 6 });

it('counts up to two typos, as the definition of the optimal string alignment does', () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      const expected = alignment(a, b);
      assert.equal(typosBetween(a, b), expected > 2 ? undefined : expected);
    }),
    { numRuns: 3_000 },
  );
});

/** The distance by its definition, from the end of both texts. */
function alignment(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  const [shorterA, shorterB] = [a.slice(0, -1), b.slice(0, -1)];
  const changed = alignment(shorterA, shorterB) + (a.at(-1) === b.at(-1) ? 0 : 1);
  const isSwapped = a.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1);
  const swapped = isSwapped ? alignment(a.slice(0, -2), b.slice(0, -2)) + 1 : changed;
  return Math.min(changed, swapped, alignment(shorterA, b) + 1, alignment(a, shorterB) + 1);
}
