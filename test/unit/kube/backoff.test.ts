import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Backoff } from '../../../src/kube/backoff.ts';

describe('Backoff', () => {
  it('doubles up to a maximum, subtracts up to half at random, and starts again after a reset', () => {
    const backoff = new Backoff(100, 1000);
    for (const full of [100, 200, 400, 800, 1000, 1000]) {
      const time = backoff.next();
      assert.ok(time > full / 2 - 1 && time <= full, `${time} of ${full}`);
    }
    backoff.reset();
    assert.ok(backoff.next() <= 100);
  });

  it('spreads the retries of simultaneous failures', () => {
    const times = new Set(Array.from({ length: 20 }, () => new Backoff(100, 1000).next()));
    assert.ok(times.size > 10);
  });
});
