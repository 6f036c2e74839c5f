import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TemporaryRefusals } from '../../../src/state/temporary-refusals.ts';

const REFUSED = 'the API server refused the write: Forbidden (403)';

describe('the temporary Secrets that the API server has refused', () => {
  it('are looked up twice per write at most, however many Scans wait', () => {
    const held = new Set(Array.from({ length: 1_000 }, (_, index) => `ns/scan-${index}`));
    let lookups = 0;
    const refusals = new TemporaryRefusals((scan) => {
      lookups += 1;
      return held.has(scan);
    });
    for (const scan of held) refusals.note('ns/app', scan, REFUSED);
    for (const scan of [...held]) {
      held.delete(scan);
      refusals.note('ns/app', scan, undefined);
    }
    assert.ok(lookups <= 2 * 2_000, `${lookups} lookups`);
    assert.deepEqual(refusals.get('ns/app'), { refusal: undefined });
  });

  it('are kept for at most 1,000 Scans of a binding', () => {
    let [isHeld, lookups] = [true, 0];
    const refusals = new TemporaryRefusals(() => {
      lookups += 1;
      return isHeld;
    });
    for (let scan = 0; scan < 1_500; scan += 1) refusals.note('ns/app', `ns/scan-${scan}`, REFUSED);
    [isHeld, lookups] = [false, 0];
    refusals.note('ns/app', 'ns/other', undefined);
    assert.equal(lookups, 1_000);
  });

  it('count no more when their Scans do not wait, also behind a Scan that has waited longer', () => {
    const held = new Set(['ns/first', 'ns/second']);
    const refusals = new TemporaryRefusals((scan) => held.has(scan));
    for (const scan of [...held]) refusals.note('ns/app', scan, REFUSED);
    held.delete('ns/second');
    refusals.note('ns/app', 'ns/first', undefined);
    assert.deepEqual(refusals.get('ns/app'), { refusal: undefined });
  });
});
