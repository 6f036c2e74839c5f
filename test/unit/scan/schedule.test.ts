import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseGoDuration, type Schedule, waitBeforeWrite } from '../../../src/scan/schedule.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const CREATED = Date.UTC(2026, 0, 1, 10, 30);

function schedule(part: Partial<Schedule>): Schedule {
  return {
    suspended: false,
    createdAt: CREATED,
    changedAt: CREATED,
    lastRunAt: undefined,
    interval: undefined,
    cron: undefined,
    ...part,
  };
}

describe('waitBeforeWrite', () => {
  const cases: readonly { name: string; schedule: Partial<Schedule>; now: number; wait: number }[] = [
    {
      name: 'waits for the first run of an interval',
      schedule: { interval: '1h' },
      now: CREATED + 1000,
      wait: 59_000,
    },
    {
      name: 'waits no longer than a minute for a first run that does not come',
      schedule: { interval: '1h' },
      now: CREATED + MINUTE,
      wait: 0,
    },
    {
      name: 'does not wait between runs',
      schedule: { interval: '1h', lastRunAt: CREATED },
      now: CREATED + HOUR - 3000,
      wait: 0,
    },
    {
      name: 'waits from shortly before a run is due',
      schedule: { interval: '1h', lastRunAt: CREATED },
      now: CREATED + HOUR - 2000,
      wait: MINUTE + 2000,
    },
    {
      name: 'does not wait for a new cron schedule whose time has not come',
      schedule: { cron: '0 11 * * *' },
      now: CREATED + MINUTE,
      wait: 0,
    },
    {
      name: 'waits while the tick of a cron schedule is due',
      schedule: { cron: '0 11 * * *' },
      now: CREATED + 30 * MINUTE + 10_000,
      wait: 50_000,
    },
    {
      name: 'counts a cron schedule from its last run',
      schedule: { cron: '@hourly', lastRunAt: CREATED + 30 * MINUTE },
      now: CREATED + 31 * MINUTE,
      wait: 0,
    },
    {
      name: 'waits from a write that made a run due, such as a trigger with an old time',
      schedule: { interval: '1h', lastRunAt: CREATED - 24 * HOUR, changedAt: CREATED },
      now: CREATED + 1000,
      wait: 59_000,
    },
    {
      name: 'reads a cron schedule in its own time zone',
      schedule: { cron: 'CRON_TZ=Europe/Berlin 0 12 * * *' },
      now: CREATED + 30 * MINUTE,
      wait: MINUTE,
    },
    {
      name: 'reads @every as a cron schedule',
      schedule: { cron: '@every 1h30m', lastRunAt: CREATED },
      now: CREATED + 90 * MINUTE,
      wait: MINUTE,
    },
    {
      name: 'prefers a cron schedule to an interval',
      schedule: { cron: '0 11 * * *', interval: '0s' },
      now: CREATED,
      wait: 0,
    },
    {
      name: 'never waits for a suspended scan',
      schedule: { interval: '1h', suspended: true },
      now: CREATED,
      wait: 0,
    },
    {
      name: 'never waits for a schedule that cannot be read',
      schedule: { cron: 'soon' },
      now: CREATED,
      wait: 0,
    },
    { name: 'never waits where nothing is scheduled', schedule: {}, now: CREATED, wait: 0 },
  ];
  for (const { name, schedule: part, now, wait } of cases) {
    it(name, () => assert.equal(waitBeforeWrite(schedule(part), now), wait));
  }
});

describe('parseGoDuration', () => {
  it('reads what time.ParseDuration reads', () => {
    const durations = {
      '1h30m': 5_400_000,
      '90s': 90_000,
      '1.5h': 5_400_000,
      '250ms': 250,
      '2h0m0s': 7_200_000,
      '+1h': 3_600_000,
      '.5h': 1_800_000,
      '1.h': 3_600_000,
      // Go reads both signs for micro.
      '1000\u00b5s': 1,
      '1000\u03bcs': 1,
    };
    for (const [text, milliseconds] of Object.entries(durations))
      assert.equal(parseGoDuration(text), milliseconds);
  });

  it('refuses everything else', () => {
    for (const text of ['', '1', '1d', 'h', '-1h', '.h', '1h ', ' 1h'])
      assert.equal(parseGoDuration(text), undefined, text);
  });
});
