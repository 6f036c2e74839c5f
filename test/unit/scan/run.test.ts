import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decideRun, type RunDecision } from '../../../src/controllers/run/decide.ts';
import { newestRun, type ScanRun } from '../../../src/scan/run.ts';
import { formatRunRequest, parseRunRequest, requestRun } from '../../../src/scan/run-request.ts';
import { nextRun, type Schedule } from '../../../src/scan/schedule.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 5, 1, 12, 30, 10);
/** The last tick of the cron schedules. */
const TICK = Date.UTC(2026, 5, 1, 12);
const MOVED = requestRun('Moved', NOW - MINUTE);
const BOUND = requestRun('Bound', NOW - MINUTE);

/** Every hour, by interval; it ran half an hour ago. */
function hourly(part: Partial<Schedule> = {}): Schedule {
  return {
    suspended: false,
    createdAt: NOW - DAY,
    changedAt: NOW - MINUTE,
    lastRunAt: NOW - 30 * MINUTE,
    interval: '1h',
    cron: undefined,
    ...part,
  };
}

/** At every full hour, by cron expression. */
function cron(part: Partial<Schedule> = {}): Schedule {
  return hourly({ interval: undefined, cron: '0 * * * *', lastRunAt: NOW - 5 * HOUR, ...part });
}

/** The Scan that was planned for a time. */
function scanOf(planned: number, part: Partial<ScanRun> = {}): ScanRun {
  const name = `scan-${Math.floor(planned / SECOND)}`;
  return { name, createdAt: planned, state: 'Done', request: undefined, ...part };
}

const FAILED = scanOf(NOW - 30 * MINUTE, { state: 'Failed' });

interface Case {
  readonly name: string;
  readonly schedule?: Schedule;
  readonly request?: typeof MOVED | undefined;
  readonly runs?: readonly ScanRun[];
  readonly decision: RunDecision['run'];
}

describe('decideRun', () => {
  const cases: readonly Case[] = [
    { name: 'a scan that was moved: start', request: MOVED, decision: 'Start' },
    { name: 'nothing is asked for: none', decision: 'None' },
    { name: 'suspended: none', request: MOVED, schedule: hourly({ suspended: true }), decision: 'None' },
    {
      name: 'a schedule that nobody can read: none, for the operator would not start it',
      request: MOVED,
      schedule: cron({ cron: 'now and then' }),
      decision: 'None',
    },
    {
      name: 'scheduled since: done',
      request: MOVED,
      schedule: hourly({ lastRunAt: MOVED.at }),
      decision: 'None',
    },
    {
      name: 'scheduled in the second before, so perhaps with the scan as it was: start',
      request: MOVED,
      schedule: hourly({ lastRunAt: MOVED.at - SECOND }),
      decision: 'Start',
    },
    {
      name: 'a Scan carries the request, though by its clock the operator was earlier: done',
      request: MOVED,
      runs: [scanOf(NOW - 2 * MINUTE, { request: formatRunRequest(MOVED) })],
      decision: 'None',
    },
    {
      name: 'a Scan carries an earlier request: start',
      request: MOVED,
      runs: [scanOf(NOW - HOUR, { request: formatRunRequest(requestRun('Moved', NOW - HOUR)) })],
      decision: 'Start',
    },
    {
      name: 'a Scan has not ended: none, until it has',
      request: MOVED,
      runs: [scanOf(NOW - 30 * MINUTE, { state: 'Running' })],
      decision: 'None',
    },
    { name: 'bound after a failure: start', request: BOUND, runs: [FAILED], decision: 'Start' },
    {
      name: 'bound while a run was under way that was successful: none',
      request: BOUND,
      runs: [FAILED, scanOf(NOW - 20 * MINUTE)],
      decision: 'None',
    },
    { name: 'bound, and no Scan is left that could have failed: none', request: BOUND, decision: 'None' },
    {
      name: 'due: none, for that run is the one',
      request: MOVED,
      schedule: hourly({ lastRunAt: NOW - HOUR }),
      decision: 'None',
    },
    {
      name: 'due in a second: none, for a write now could come between',
      request: MOVED,
      schedule: hourly({ lastRunAt: NOW - HOUR + SECOND }),
      decision: 'None',
    },
    {
      name: 'written a moment ago: wait, for its Scan may be on its way',
      request: MOVED,
      schedule: hourly({ changedAt: NOW - SECOND }),
      decision: 'Wait',
    },
    {
      name: 'asked for ahead of time, by a clock that differs: wait',
      request: requestRun('Moved', NOW + MINUTE),
      decision: 'Wait',
    },
    {
      name: 'asked for in years, by somebody who writes annotations: none',
      request: requestRun('Moved', NOW + 1_000 * DAY),
      decision: 'None',
    },
    {
      name: 'a cron schedule: start',
      request: MOVED,
      schedule: cron({ lastRunAt: NOW - 2 * MINUTE }),
      decision: 'Start',
    },
    {
      name: 'a cron schedule, all ticks of which have a Scan: none, for any would get stuck',
      request: MOVED,
      schedule: cron({ lastRunAt: NOW - 2 * MINUTE }),
      runs: Array.from({ length: 100 }, (_, hours) => scanOf(TICK - hours * HOUR)),
      decision: 'None',
    },
    {
      name: 'due, and its Scan was made a while ago: free',
      schedule: hourly({ lastRunAt: NOW - 2 * HOUR }),
      runs: [scanOf(NOW - HOUR)],
      decision: 'Free',
    },
    {
      name: 'due, and its Scan was made just now: wait, for the operator is about to say so',
      schedule: hourly({ lastRunAt: NOW - HOUR }),
      runs: [scanOf(NOW)],
      decision: 'Wait',
    },
    {
      name: 'due, its Scan was made long ago, and somebody has written it just now: wait, for a moment',
      schedule: hourly({ lastRunAt: NOW - 2 * HOUR, changedAt: NOW }),
      runs: [scanOf(NOW - HOUR)],
      decision: 'Wait',
    },
    {
      name: 'due by cron, and its Scan was made a while ago: free',
      schedule: cron(),
      runs: [scanOf(TICK - 4 * HOUR)],
      decision: 'Free',
    },
    {
      name: 'an interval beyond a Go duration, and a Scan with the name that floats compute: none',
      schedule: hourly({ interval: '1000000000000000000h' }),
      request: MOVED,
      runs: [scanOf(Math.floor((NOW - DAY - 3.6e24) / SECOND) * SECOND + 3.6e24)],
      decision: 'None',
    },
    {
      name: 'the names of the last 100 seconds are taken: none',
      request: MOVED,
      runs: Array.from({ length: 100 }, (_, seconds) => scanOf(NOW - DAY - seconds * SECOND)),
      decision: 'None',
    },
    {
      name: 'a cron schedule in a time zone that does not exist: none',
      schedule: cron({ cron: 'TZ=Nowhere 0 0 * * *' }),
      request: MOVED,
      decision: 'None',
    },
    {
      name: 'due for the first time by interval: none, for each try has another name',
      schedule: hourly({ lastRunAt: undefined }),
      runs: [scanOf(NOW - DAY)],
      decision: 'None',
    },
  ];
  for (const { name, schedule = hourly(), request, runs = [], decision } of cases) {
    it(name, () => assert.equal(decideRun({ name: 'scan', schedule, request }, runs, NOW).run, decision));
  }

  const schedules: Readonly<Record<string, Schedule>> = {
    interval: hourly(),
    'an interval of a fraction of a second': hourly({ interval: '3600.5s' }),
    'a cron expression': cron({ lastRunAt: NOW - 2 * MINUTE }),
    'a cron expression in a time zone': cron({
      lastRunAt: NOW - 2 * MINUTE,
      cron: 'TZ=Asia/Kolkata 15 3 * * *',
    }),
    '@every': cron({ lastRunAt: NOW - 2 * MINUTE, cron: '@every 5h' }),
    '@monthly': cron({ lastRunAt: NOW - 2 * MINUTE, cron: '@monthly' }),
    'one that has never run': cron({ lastRunAt: undefined, createdAt: NOW - MINUTE, cron: '0 0 1 1 *' }),
  };
  for (const [name, schedule] of Object.entries(schedules)) {
    it(`starts a run that is due, with a name that is free, once: ${name}`, () => {
      const runs: ScanRun[] = [];
      const given = new Set<string>();
      for (let time = 1; time <= 5; time += 1) {
        const decision = decideRun({ name: 'scan', schedule, request: MOVED }, runs, NOW);
        if (decision.run !== 'Start') assert.fail(`it is ${decision.run}`);
        assert.equal(decision.lastScheduleTime % SECOND, 0, 'a time of Kubernetes has whole seconds');
        const triggered = { ...schedule, lastRunAt: decision.lastScheduleTime };
        const planned = nextRun(triggered) ?? Number.NaN;
        assert.ok(planned <= NOW, 'it is due');
        assert.equal(decideRun({ name: 'scan', schedule: triggered, request: MOVED }, runs, NOW).run, 'None');
        const run = scanOf(planned);
        assert.ok(!given.has(run.name), 'a Scan of that name is there already');
        given.add(run.name);
        runs.push(run);
      }
    });
  }

  it('starts a run of the longest interval at a valid time', () => {
    const schedule = hourly({ interval: '2562047h', lastRunAt: NOW - MINUTE });
    const decision = decideRun({ name: 'scan', schedule, request: MOVED }, [], NOW);
    if (decision.run !== 'Start') assert.fail(`it is ${decision.run}`);
    assert.match(new Date(decision.lastScheduleTime).toISOString(), /^1734-/);
  });

  it('handles hundreds of thousands of Scans', () => {
    const runs = Array.from({ length: 200_000 }, (_, seconds) => scanOf(NOW - HOUR - seconds * SECOND));
    const schedule = hourly({ lastRunAt: NOW - 2 * HOUR });
    const decision = decideRun({ name: 'scan', schedule, request: undefined }, runs, NOW);
    assert.deepEqual(decision, { run: 'Free', lastScheduleTime: NOW - HOUR });
  });

  it('frees a scan for good: it is not due any more, and no Scan is doubled', () => {
    const schedule = cron();
    const runs = [4, 3, 2].map((hours) => scanOf(TICK - hours * HOUR));
    const decision = decideRun({ name: 'scan', schedule, request: undefined }, runs, NOW);
    if (decision.run !== 'Free') assert.fail(`it is ${decision.run}`);
    const freed = nextRun({ ...schedule, lastRunAt: decision.lastScheduleTime });
    assert.equal(freed, TICK - HOUR);
  });
});

describe('a request for a run', () => {
  it('is the same after it was written down', () => {
    assert.equal(formatRunRequest(MOVED), 'Moved 2026-06-01T12:29:11Z');
    for (const request of [MOVED, BOUND])
      assert.deepEqual(parseRunRequest(formatRunRequest(request)), request);
  });

  it('that somebody else has written is none', () => {
    for (const text of [
      undefined,
      '',
      'Moved',
      'Moved soon',
      'Other 2026-06-01T12:29:11Z',
      'Moved 2026-99-01T12:29:11Z',
      'Moved 0000-01-01T00:00:00Z',
    ])
      assert.equal(parseRunRequest(text), undefined);
  });
});

describe('newestRun', () => {
  it('is the one that was made last; none of none', () => {
    assert.equal(newestRun([]), undefined);
    assert.equal(newestRun([scanOf(2), FAILED, scanOf(1)]), FAILED);
  });
});
