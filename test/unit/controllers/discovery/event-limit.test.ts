import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type DueEvents,
  dueEvents,
  NOTHING_REPORTED,
  type Reported,
} from '../../../../src/controllers/discovery/event-limit.ts';
import type { Telling } from '../../../../src/controllers/discovery/tellings.ts';
import { Namespace } from './namespace.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-01-01T00:00:00Z');

/** The problems of this many pods whose images name no repository. */
function tellings(count: number, image = 'UPPER'): readonly Telling[] {
  const namespace = new Namespace();
  for (let index = 0; index < count; index += 1)
    namespace.pod({ name: `pod-${index}`, workload: `Deployment/web-${index}`, image: `${image}-${index}` });
  return namespace.decide().tellings;
}

/** Evaluates a namespace each second, and returns the number of Events per minute. */
function eventsPerMinute(
  minutes: number,
  tellingsAt: (second: number) => readonly Telling[],
): readonly number[] {
  let reported: Reported = NOTHING_REPORTED;
  return Array.from({ length: minutes }, (_, minute) => {
    let events = 0;
    for (let second = 0; second < 60; second += 1) {
      const due: DueEvents = dueEvents(
        tellingsAt(second),
        reported,
        START + minute * MINUTE + second * 1_000,
      );
      events += due.events.length;
      reported = due.reported;
    }
    return events;
  });
}

describe('events of discovery', () => {
  it('report each problem once, for as long as it holds', () => {
    const all = tellings(3);
    assert.deepEqual(
      eventsPerMinute(3, () => all),
      [3, 0, 0],
    );
  });

  it('are limited to 20 per minute and namespace, and further ones are postponed', () => {
    const all = tellings(50);
    assert.deepEqual(
      eventsPerMinute(4, () => all),
      [20, 20, 10, 0],
    );
    const { postponed, lookAgainAfterMs, reported } = dueEvents(all, NOTHING_REPORTED, START);
    assert.deepEqual([postponed, lookAgainAfterMs, reported.keys.size], [30, MINUTE, 20]);
    assert.equal(dueEvents(all, reported, START + 20_000).lookAgainAfterMs, 40_000);
  });

  it('are limited to 20 per minute for a pod whose problem keeps changing', () => {
    const rate = eventsPerMinute(3, (second) => tellings(1, `UPPER-${second}`));
    assert.deepEqual(rate, [20, 20, 20]);
  });

  it('report a problem again when it comes back, and forget it when it is gone', () => {
    const all = tellings(3);
    const once = dueEvents(all, NOTHING_REPORTED, START).reported;
    const gone = dueEvents([], once, START).reported;
    assert.equal(gone.keys.size, 0);
    assert.equal(dueEvents(all, gone, START).events.length, 3);
  });

  it('are not postponed for long if the clock is set back', () => {
    const { reported } = dueEvents(tellings(30), NOTHING_REPORTED, START + 100 * MINUTE);
    assert.equal(dueEvents(tellings(30), reported, START).events.length, 10);
  });
});
