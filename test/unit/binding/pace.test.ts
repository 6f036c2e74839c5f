import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Pace } from '../../../src/binding/pace.ts';

describe('Pace', () => {
  it('lets the first through at once, and the others one after another', () => {
    const pace = new Pace(60);
    const waits = Array.from({ length: 4 }, (_, index) => pace.wait(`${index}`, 5_000));
    assert.deepEqual(waits, [0, 1_000, 2_000, 3_000]);
  });

  it('keeps the turn of a key until it is done', () => {
    const pace = new Pace(6);
    pace.wait('a', 0);
    assert.deepEqual([pace.wait('b', 0), pace.wait('b', 4_000), pace.wait('b', 12_000)], [10_000, 6_000, 0]);
    pace.done('b');
    assert.equal(pace.wait('b', 12_000), 8_000);
  });

  it('gives out no turns in the past', () => {
    const pace = new Pace(60);
    pace.wait('a', 0);
    assert.equal(pace.wait('b', 60_000), 0);
    assert.equal(pace.wait('c', 60_000), 1_000);
  });
});
