import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventLimiter, PER_NAMESPACE, PER_OBJECT } from '../../../src/kube/event-limiter.ts';

const MINUTE = 60_000;

/** How many of this number of Events about an object are allowed. */
function allowed(limiter: EventLimiter, uid: string, events: number, now: number): number {
  let count = 0;
  for (let index = 0; index < events; index += 1) if (limiter.take(uid, now) === 'Allowed') count += 1;
  return count;
}

describe('Events about one object', () => {
  it('are limited to 25 at once, and then one every five minutes', () => {
    const limiter = new EventLimiter(PER_OBJECT);
    assert.equal(allowed(limiter, 'a', 1_000, 0), 25);
    assert.equal(allowed(limiter, 'a', 1_000, 4 * MINUTE), 0);
    assert.equal(allowed(limiter, 'a', 1_000, 9 * MINUTE), 1);
    assert.equal(allowed(limiter, 'a', 1_000, 10_000 * MINUTE), 25);
  });

  it('are allowed again even if they never stop', () => {
    const limiter = new EventLimiter(PER_OBJECT);
    let count = 0;
    for (let second = 0; second < 3_600; second += 1)
      if (limiter.take('a', second * 1_000) === 'Allowed') count += 1;
    // 25 at once, and 11 or 12 in an hour.
    assert.ok(count >= 36 && count <= 37, `${count} are allowed`);
  });

  it('do not count for another object', () => {
    const limiter = new EventLimiter(PER_OBJECT);
    allowed(limiter, 'a', 1_000, 0);
    assert.equal(allowed(limiter, 'b', 10, 0), 10);
  });

  it('are suppressed with one warning until the next Event is allowed', () => {
    const limiter = new EventLimiter(PER_OBJECT);
    allowed(limiter, 'a', 25, 0);
    const results = [0, 0, 0, 6 * MINUTE, 6 * MINUTE].map((now) => limiter.take('a', now));
    assert.deepEqual(results, ['LimitReached', 'Suppressed', 'Suppressed', 'Allowed', 'LimitReached']);
  });

  it('are limited in a namespace, too, however many objects it has', () => {
    const limiter = new EventLimiter(PER_NAMESPACE);
    assert.equal(allowed(limiter, 'shop', 10_000, 0), 2_000);
    assert.equal(allowed(limiter, 'shop', 10_000, MINUTE), 60);
    assert.equal(allowed(limiter, 'other', 10, MINUTE), 10);
  });
});
