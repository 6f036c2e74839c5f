import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DiscoveryProblem } from '../../../../src/controllers/discovery/decision.ts';
import {
  type DueEvents,
  dueEvents,
  NOTHING_REPORTED,
  type Reported,
} from '../../../../src/controllers/discovery/events/event-limit.ts';
import { Namespace } from './namespace.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-01-01T00:00:00Z');

/** The problems of `count` pods whose images are invalid. */
function problems(count: number, image = 'UPPER'): readonly DiscoveryProblem[] {
  const namespace = new Namespace();
  for (let index = 0; index < count; index += 1)
    namespace.pod({ name: `pod-${index}`, workload: `Deployment/web-${index}`, image: `${image}-${index}` });
  return namespace.decide().problems;
}

/** Evaluates a namespace each second, and returns the number of Events per minute. */
function eventsPerMinute(
  minutes: number,
  problemsAt: (second: number) => readonly DiscoveryProblem[],
): readonly number[] {
  let reported: Reported = NOTHING_REPORTED;
  return Array.from({ length: minutes }, (_, minute) => {
    let events = 0;
    for (let second = 0; second < 60; second += 1) {
      const due: DueEvents = dueEvents(
        problemsAt(second),
        reported,
        START + minute * MINUTE + second * 1_000,
      );
      events += due.problems.length;
      reported = due.reported;
    }
    return events;
  });
}

describe('events of discovery', () => {
  it('report each problem once, for as long as it holds', () => {
    const all = problems(3);
    assert.deepEqual(
      eventsPerMinute(3, () => all),
      [3, 0, 0],
    );
  });

  it('are limited to 20 per minute and namespace, and further ones are postponed', () => {
    const all = problems(50);
    assert.deepEqual(
      eventsPerMinute(4, () => all),
      [20, 20, 10, 0],
    );
    const { postponed, requeueAfterMs, reported } = dueEvents(all, NOTHING_REPORTED, START);
    assert.deepEqual([postponed, requeueAfterMs, reported.keys.size], [30, MINUTE, 20]);
    assert.equal(dueEvents(all, reported, START + 20_000).requeueAfterMs, 40_000);
  });

  it('are limited to 20 per minute for a pod whose problem keeps changing', () => {
    const rate = eventsPerMinute(3, (second) => problems(1, `UPPER-${second}`));
    assert.deepEqual(rate, [20, 20, 20]);
  });

  it('report a problem again if it recurs after it was resolved', () => {
    const all = problems(3);
    const once = dueEvents(all, NOTHING_REPORTED, START).reported;
    const gone = dueEvents([], once, START).reported;
    assert.equal(gone.keys.size, 0);
    assert.equal(dueEvents(all, gone, START).problems.length, 3);
  });

  it('are not postponed for long if the clock is set back', () => {
    const { reported } = dueEvents(problems(30), NOTHING_REPORTED, START + 100 * MINUTE);
    assert.equal(dueEvents(problems(30), reported, START).problems.length, 10);
  });
});
