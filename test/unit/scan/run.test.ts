import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decideRun, type RunDecision } from '../../../src/controllers/run/decide.ts';
import { awaitedScan } from '../../../src/scan/awaited-scan.ts';
import type { ConcurrencyPolicy } from '../../../src/scan/concurrency-policy.ts';
import { newestRun, readAdmittedRun, readRun, type ScanRun } from '../../../src/scan/run.ts';
import { formatRunRequest, parseRunRequest, requestRun } from '../../../src/scan/run-request.ts';
import { nextRun, type Schedule } from '../../../src/scan/schedule.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 5, 1, 12, 30, 10);
/** The last tick of the cron schedules. */
const TICK = Date.UTC(2026, 5, 1, 12);
const MIGRATED = requestRun('Migrated', NOW - MINUTE);
const BOUND = requestRun('Bound', NOW - MINUTE);

/** A schedule with an interval of one hour and a last run half an hour ago. */
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

/** A cron schedule for every full hour. */
function cron(part: Partial<Schedule> = {}): Schedule {
  return hourly({ interval: undefined, cron: '0 * * * *', lastRunAt: NOW - 5 * HOUR, ...part });
}

/** The Scan of a run that was planned for a time. */
function scanOf(planned: number, part: Partial<ScanRun> = {}): ScanRun {
  const name = `scan-${Math.floor(planned / SECOND)}`;
  return { name, createdAt: planned, state: 'Done', request: undefined, ...part };
}

const FAILED = scanOf(NOW - 30 * MINUTE, { state: 'Failed' });

const WAIT = 15 * MINUTE;

/** The decision about a ScheduledScan with the name `scan`. */
function decideAt(
  now: number,
  scan: { readonly schedule: Schedule; readonly request: typeof MIGRATED | undefined },
  runs: readonly ScanRun[],
  concurrencyPolicy: ConcurrencyPolicy = 'Allow',
): RunDecision {
  return decideRun({ name: 'scan', concurrencyPolicy, ...scan }, runs, { now, runWaitMs: WAIT });
}

interface Case {
  readonly name: string;
  readonly schedule?: Schedule;
  readonly request?: typeof MIGRATED | undefined;
  readonly runs?: readonly ScanRun[];
  readonly policy?: ConcurrencyPolicy;
  readonly decision: RunDecision['run'];
}

describe('decideRun', () => {
  const cases: readonly Case[] = [
    { name: 'starts a run after a migration', request: MIGRATED, decision: 'Start' },
    { name: 'starts no run without a request', decision: 'None' },
    {
      name: 'starts no run of a suspended scan',
      request: MIGRATED,
      schedule: hourly({ suspended: true }),
      decision: 'None',
    },
    {
      name: 'starts no run with an invalid schedule, because the operator would not start it either',
      request: MIGRATED,
      schedule: cron({ cron: 'now and then' }),
      decision: 'None',
    },
    {
      name: 'starts no run if one was scheduled after the request',
      request: MIGRATED,
      schedule: hourly({ lastRunAt: MIGRATED.at }),
      decision: 'None',
    },
    {
      name: 'starts a run if the last one was scheduled a second before the request, perhaps with the old spec',
      request: MIGRATED,
      schedule: hourly({ lastRunAt: MIGRATED.at - SECOND }),
      decision: 'Start',
    },
    {
      name: "starts no run if a Scan has the request, even if the operator's clock is behind",
      request: MIGRATED,
      runs: [scanOf(NOW - 2 * MINUTE, { request: formatRunRequest(MIGRATED) })],
      decision: 'None',
    },
    {
      name: 'starts a run if the Scan has an earlier request',
      request: MIGRATED,
      runs: [scanOf(NOW - HOUR, { request: formatRunRequest(requestRun('Migrated', NOW - HOUR)) })],
      decision: 'Start',
    },
    {
      name: 'waits while a Scan is running',
      request: MIGRATED,
      runs: [scanOf(NOW - 30 * MINUTE, { state: 'Running' })],
      decision: 'Wait',
    },
    {
      name: 'waits while an older Scan is running, even if the newest one has ended',
      request: MIGRATED,
      runs: [scanOf(NOW - 40 * MINUTE, { state: 'Running' }), FAILED],
      decision: 'Wait',
    },
    {
      name: 'waits while a Scan is running that began after the request, because it may hang, too',
      request: requestRun('Migrated', NOW - WAIT + SECOND),
      runs: [scanOf(NOW - MINUTE, { state: 'Running' })],
      decision: 'Wait',
    },
    {
      name: 'starts a run although a Scan is running if the request has waited long enough',
      request: requestRun('Migrated', NOW - WAIT - SECOND),
      runs: [scanOf(NOW - 30 * MINUTE, { state: 'Running' })],
      decision: 'Start',
    },
    {
      name: 'starts a run of a scan that was bound while a Scan was running that hangs',
      request: requestRun('Bound', NOW - WAIT - SECOND),
      runs: [scanOf(NOW - 30 * MINUTE, { state: 'Running' })],
      decision: 'Start',
    },
    {
      name: 'starts no run of a scan that was bound while a Scan hung, if a later one was successful',
      request: requestRun('Bound', NOW - WAIT - SECOND),
      runs: [scanOf(NOW - 40 * MINUTE, { state: 'Running' }), scanOf(NOW - 30 * MINUTE)],
      decision: 'None',
    },
    {
      name: 'starts no second run if the one of the request hangs, too',
      request: requestRun('Migrated', NOW - WAIT - SECOND),
      runs: [
        scanOf(NOW - 30 * MINUTE, { state: 'Running' }),
        scanOf(NOW - DAY, {
          state: 'Running',
          request: formatRunRequest(requestRun('Migrated', NOW - WAIT - SECOND)),
        }),
      ],
      decision: 'None',
    },
    ...(['Forbid', 'Replace'] as const).flatMap((policy): readonly Case[] => [
      {
        name: `starts no run while a Scan is running if the concurrency policy is ${policy}`,
        request: requestRun('Migrated', NOW - DAY),
        runs: [scanOf(NOW - 30 * MINUTE, { state: 'Running' })],
        schedule: hourly({ lastRunAt: NOW - 25 * HOUR, interval: '30h' }),
        policy,
        decision: 'None',
      },
      {
        name: `starts a run if all Scans have ended, with the concurrency policy ${policy}`,
        request: MIGRATED,
        runs: [FAILED],
        policy,
        decision: 'Start',
      },
    ]),
    {
      name: 'starts a run of a scan that was bound after a failure',
      request: BOUND,
      runs: [FAILED],
      decision: 'Start',
    },
    {
      name: 'starts no run of a scan that was bound during a successful run',
      request: BOUND,
      runs: [FAILED, scanOf(NOW - 20 * MINUTE)],
      decision: 'None',
    },
    { name: 'starts no run of a bound scan without any Scan', request: BOUND, decision: 'None' },
    {
      name: 'starts no run if one is due, because that run is sufficient',
      request: MIGRATED,
      schedule: hourly({ lastRunAt: NOW - HOUR }),
      decision: 'None',
    },
    {
      name: 'starts no run if one is due within a second, because a write could interfere',
      request: MIGRATED,
      schedule: hourly({ lastRunAt: NOW - HOUR + SECOND }),
      decision: 'None',
    },
    {
      name: 'waits after a recent write, because its Scan may be about to appear',
      request: MIGRATED,
      schedule: hourly({ changedAt: NOW - SECOND }),
      decision: 'Wait',
    },
    {
      name: 'waits if the time of the request is slightly in the future because of another clock',
      request: requestRun('Migrated', NOW + MINUTE),
      decision: 'Wait',
    },
    {
      name: 'starts no run if another client has written a request for a time years ahead',
      request: requestRun('Migrated', NOW + 1_000 * DAY),
      decision: 'None',
    },
    {
      name: 'starts a run of a cron schedule',
      request: MIGRATED,
      schedule: cron({ lastRunAt: NOW - 2 * MINUTE }),
      decision: 'Start',
    },
    {
      name: 'starts no run of a cron schedule if all ticks have a Scan, because any run would get stuck',
      request: MIGRATED,
      schedule: cron({ lastRunAt: NOW - 2 * MINUTE }),
      runs: Array.from({ length: 100 }, (_, hours) => scanOf(TICK - hours * HOUR)),
      decision: 'None',
    },
    {
      name: 'unblocks a due run whose Scan was created a while ago',
      schedule: hourly({ lastRunAt: NOW - 2 * HOUR }),
      runs: [scanOf(NOW - HOUR)],
      decision: 'Free',
    },
    {
      name: 'waits for a due run whose Scan was just created, because the operator is about to update its status',
      schedule: hourly({ lastRunAt: NOW - HOUR }),
      runs: [scanOf(NOW)],
      decision: 'Wait',
    },
    {
      name: 'waits for a due run whose Scan is old if another client has just written the scan',
      schedule: hourly({ lastRunAt: NOW - 2 * HOUR, changedAt: NOW }),
      runs: [scanOf(NOW - HOUR)],
      decision: 'Wait',
    },
    {
      name: 'unblocks a due run of a cron schedule whose Scan was created a while ago',
      schedule: cron(),
      runs: [scanOf(TICK - 4 * HOUR)],
      decision: 'Free',
    },
    {
      name: 'starts no run of an interval beyond a Go duration, even with a Scan of the computed name',
      schedule: hourly({ interval: '1000000000000000000h' }),
      request: MIGRATED,
      runs: [scanOf(Math.floor((NOW - DAY - 3.6e24) / SECOND) * SECOND + 3.6e24)],
      decision: 'None',
    },
    {
      name: 'starts no run if the names of the last 100 seconds are taken',
      request: MIGRATED,
      runs: Array.from({ length: 100 }, (_, seconds) => scanOf(NOW - DAY - seconds * SECOND)),
      decision: 'None',
    },
    {
      name: 'starts no run of a cron schedule in a time zone, because the operator refuses it',
      schedule: cron({ cron: 'TZ=UTC 0 0 * * *' }),
      request: MIGRATED,
      decision: 'None',
    },
    {
      name: 'does not unblock the first run of an interval, because each attempt has another name',
      schedule: hourly({ lastRunAt: undefined }),
      runs: [scanOf(NOW - DAY)],
      decision: 'None',
    },
  ];
  for (const { name, schedule = hourly(), request, runs = [], policy, decision } of cases) {
    it(name, () => assert.equal(decideAt(NOW, { schedule, request }, runs, policy).run, decision));
  }

  it('waits for a Scan that hangs exactly until the time that is reported', () => {
    const scan = { schedule: hourly({ interval: '24h' }), request: MIGRATED };
    const runs = [scanOf(NOW - 30 * MINUTE, { state: 'Running' })];
    const awaited = awaitedScan({ ...scan, concurrencyPolicy: 'Allow' }, runs, WAIT);
    assert.deepEqual(awaited, {
      name: runs[0]?.name,
      createdAt: NOW - 30 * MINUTE,
      until: MIGRATED.at + WAIT,
    });
    for (const now of [NOW, MIGRATED.at + WAIT - 1]) {
      const decision = decideAt(now, scan, runs);
      assert.deepEqual(decision, { run: 'Wait', milliseconds: MIGRATED.at + WAIT - now });
    }
    assert.equal(decideAt(MIGRATED.at + WAIT, scan, runs).run, 'Start');
  });

  const schedules: Readonly<Record<string, Schedule>> = {
    interval: hourly(),
    'an interval of a fraction of a second': hourly({ interval: '3600.5s' }),
    'a cron expression': cron({ lastRunAt: NOW - 2 * MINUTE }),
    'a cron expression with steps and weekdays': cron({
      lastRunAt: NOW - 2 * MINUTE,
      cron: '5/15 3 */2 * mon-fri',
    }),
    '@every': cron({ lastRunAt: NOW - 2 * MINUTE, cron: '@every 5h' }),
    '@monthly': cron({ lastRunAt: NOW - 2 * MINUTE, cron: '@monthly' }),
    'a schedule that has never run': cron({
      lastRunAt: undefined,
      createdAt: NOW - MINUTE,
      cron: '0 0 1 1 *',
    }),
  };
  for (const [name, schedule] of Object.entries(schedules)) {
    it(`starts a due run with an unused name exactly once: ${name}`, () => {
      const runs: ScanRun[] = [];
      const used = new Set<string>();
      for (let time = 1; time <= 5; time += 1) {
        const decision = decideAt(NOW, { schedule, request: MIGRATED }, runs);
        if (decision.run !== 'Start') assert.fail(`expected another decision, found ${decision.run}`);
        assert.equal(decision.lastScheduleTime % SECOND, 0, 'times in Kubernetes have whole seconds');
        const triggered = { ...schedule, lastRunAt: decision.lastScheduleTime };
        const planned = nextRun(triggered) ?? Number.NaN;
        assert.ok(planned <= NOW, 'it is due');
        assert.equal(decideAt(NOW, { schedule: triggered, request: MIGRATED }, runs).run, 'None');
        const run = scanOf(planned);
        assert.ok(!used.has(run.name), 'a Scan of that name exists');
        used.add(run.name);
        runs.push(run);
      }
    });
  }

  it('starts a run of the longest interval at a valid time', () => {
    const schedule = hourly({ interval: '2562047h', lastRunAt: NOW - MINUTE });
    const decision = decideAt(NOW, { schedule, request: MIGRATED }, []);
    if (decision.run !== 'Start') assert.fail(`expected another decision, found ${decision.run}`);
    assert.match(new Date(decision.lastScheduleTime).toISOString(), /^1734-/);
  });

  it('handles hundreds of thousands of Scans', () => {
    const runs = Array.from({ length: 200_000 }, (_, seconds) => scanOf(NOW - HOUR - seconds * SECOND));
    const schedule = hourly({ lastRunAt: NOW - 2 * HOUR });
    const decision = decideAt(NOW, { schedule, request: undefined }, runs);
    assert.deepEqual(decision, { run: 'Free', lastScheduleTime: NOW - HOUR });
  });

  it('unblocks a scan permanently, so that it is no longer due and no Scan is duplicated', () => {
    const schedule = cron();
    const runs = [4, 3, 2].map((hours) => scanOf(TICK - hours * HOUR));
    const decision = decideAt(NOW, { schedule, request: undefined }, runs);
    if (decision.run !== 'Free') assert.fail(`expected another decision, found ${decision.run}`);
    const next = nextRun({ ...schedule, lastRunAt: decision.lastScheduleTime });
    assert.equal(next, TICK - HOUR);
  });
});

describe('a request for a run', () => {
  it('is parsed back to the same request', () => {
    assert.equal(formatRunRequest(MIGRATED), 'Migrated 2026-06-01T12:29:11Z');
    for (const request of [MIGRATED, BOUND])
      assert.deepEqual(parseRunRequest(formatRunRequest(request)), request);
  });

  it('is ignored if it is malformed', () => {
    for (const text of [
      undefined,
      '',
      'Migrated',
      'Migrated soon',
      'Other 2026-06-01T12:29:11Z',
      'Migrated 2026-99-01T12:29:11Z',
      'Migrated 0000-01-01T00:00:00Z',
    ])
      assert.equal(parseRunRequest(text), undefined);
  });
});

describe('newestRun', () => {
  it('is the Scan that was created last, or undefined without Scans', () => {
    assert.equal(newestRun([]), undefined);
    assert.equal(newestRun([scanOf(2), FAILED, scanOf(1)]), FAILED);
  });
});

describe('without the webhook, the controller', () => {
  const raw = (metadata: object = {}) => ({
    metadata: { namespace: 'ns', name: 'scan', ...metadata },
    spec: { scanType: 'trivy-image', parameters: ['reg.example/app:1.0'], suspend: false, volumes: [] },
  });

  it('keeps no Scan that no ScheduledScan has created', () => {
    assert.equal(readRun(raw()), undefined);
    assert.notEqual(readAdmittedRun(raw()), undefined);
  });

  it('keeps nothing of the other Scans that only the webhook needs', () => {
    const owner = {
      apiVersion: 'execution.securecodebox.io/v1',
      kind: 'ScheduledScan',
      name: 'daily',
      uid: 'u',
    };
    const owned = raw({ ownerReferences: [owner] });
    const { admission, ...kept } = readAdmittedRun(owned) ?? {};
    assert.notEqual(admission, undefined);
    assert.deepEqual(readRun(owned), kept);
  });
});
