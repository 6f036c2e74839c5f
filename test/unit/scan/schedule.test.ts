import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Cron } from 'croner';
import fc from 'fast-check';
import {
  everyMs,
  isCronTick,
  nextRun,
  parseGoDuration,
  previousTicks,
  type Schedule,
  waitBeforeWrite,
  zoneOf,
} from '../../../src/scan/schedule.ts';

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
    {
      name: 'never waits for a schedule in a time zone that does not exist',
      schedule: { cron: 'TZ=Europe/Nowhere 30 10 * * *', lastRunAt: CREATED - HOUR },
      now: CREATED,
      wait: 0,
    },
    {
      name: 'never waits for an interval beyond a Go duration',
      schedule: { interval: '1000000000000000000h', lastRunAt: CREATED },
      now: CREATED + HOUR,
      wait: 0,
    },
    {
      name: 'never waits for an interval of 0, which the operator refuses',
      schedule: { interval: '0s', lastRunAt: CREATED },
      now: CREATED,
      wait: 0,
    },
    {
      name: 'ignores a last write in the future, because it must be forged',
      schedule: { interval: '1h', changedAt: CREATED + 1_000 * HOUR },
      now: CREATED + 1000,
      wait: 59_000,
    },
    { name: 'never waits if nothing is scheduled', schedule: {}, now: CREATED, wait: 0 },
  ];
  for (const { name, schedule: part, now, wait } of cases) {
    it(name, () => assert.equal(waitBeforeWrite(schedule(part), now), wait));
  }
});

describe('parseGoDuration', () => {
  it('accepts the same texts as time.ParseDuration', () => {
    const durations = {
      '1h30m': 5_400_000,
      '90s': 90_000,
      '1.5h': 5_400_000,
      '250ms': 250,
      '2h0m0s': 7_200_000,
      '+1h': 3_600_000,
      '.5h': 1_800_000,
      '1.h': 3_600_000,
      // Go accepts both characters for micro.
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

  it('accepts at most 2^63 - 1 nanoseconds, like Go', () => {
    const most = 9_223_372_036_854.775;
    for (const text of ['9223372036854775807ns', '2562047h47m16.854775807s', '2562047.7h'])
      assert.ok(Math.abs((parseGoDuration(text) ?? 0) - most) < HOUR, text);
    for (const text of [
      ...['9223372036854775808ns', '2562047h47m16.854775808s', '2562048h', '1000000000000000000h'],
      ...[`${'9'.repeat(200)}h`, '2562047h2562047h', `0.${'0'.repeat(300)}1h`],
    ])
      assert.equal(parseGoDuration(text), undefined, text);
  });
});

describe('nextRun', () => {
  const next = (cron: string, after = CREATED) => nextRun(schedule({ cron, createdAt: after }));

  it("treats the time zone Local as the operator's, which is UTC", () => {
    assert.equal(next('TZ=Local 0 11 * * *'), CREATED + 30 * MINUTE);
    assert.equal(next('TZ= 0 11 * * *'), CREATED + 30 * MINUTE);
  });

  it('is undefined in a time zone that Go does not know', () => {
    for (const zone of ['Europe/Nowhere', 'Nowhere', '+01:00', '\u0000', 'x'.repeat(200)])
      assert.equal(next(`TZ=${zone} 0 11 * * *`), undefined, zone);
  });

  it('uses one name for all spellings of a time zone, so that only one formatter is kept', () => {
    for (const name of ['Europe/Berlin', 'europe/berlin', 'EUROPE/BERLIN'])
      assert.equal(zoneOf(name), 'Europe/Berlin');
  });

  it('looks only five years ahead, like the operator, so that an impossible date costs little', () => {
    assert.equal(next('0 0 29 2 *'), Date.UTC(2028, 1, 29));
    for (const cron of ['0 0 31 2 *', '0 0 31 4,6,9,11 *']) assert.equal(next(cron), undefined, cron);
    // 2100 is not a leap year.
    assert.equal(next('0 0 29 2 *', Date.UTC(2097, 0)), undefined);
  });

  it('finds the same ticks as without a limit on years', () => {
    const field = (max: number) =>
      fc.oneof(
        fc.constantFrom('*', '*/7'),
        fc.integer({ min: 1, max }).map(String),
        fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 4, max })).map((ends) => ends.join('-')),
      );
    const fields = fc.tuple(
      field(59),
      field(23),
      field(31),
      field(12),
      fc.oneof(field(6), fc.constant('sat')),
    );
    const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/Sao_Paulo', 'Pacific/Kiritimati');
    const times = fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2060, 0) });
    fc.assert(
      fc.property(fields, zones, times, (parts, timezone, after) => {
        const cron = parts.join(' ');
        const unbounded = new Cron(cron, { timezone, mode: '5-part' });
        const expected = unbounded.nextRun(new Date(after))?.getTime();
        const found = next(`TZ=${timezone} ${cron}`, after);
        if (expected !== undefined && expected < after + 5 * 365 * 24 * HOUR)
          assert.equal(found, expected, cron);
        const before = unbounded.previousRuns(1, new Date(after)).at(0)?.getTime();
        const [tick] = previousTicks(schedule({ cron: `TZ=${timezone} ${cron}` }), after);
        if (before !== undefined && before > after - 9 * 365 * 24 * HOUR) assert.equal(tick, before, cron);
      }),
    );
  });

  it('is undefined for an expression that the operator cannot parse, even if croner can', () => {
    for (const cron of ['0 0 * * 1#5', '0 0 29 2 +1', '@Daily', '@reboot', '2027-01-01T00:00:00', '0 0 * *'])
      assert.equal(next(cron), undefined, cron);
  });

  it('evaluates a schedule once, however often it is called', () => {
    let reads = 0;
    const counting = Object.defineProperty(schedule({}), 'cron', {
      get: () => {
        reads += 1;
        return '0 11 * * *';
      },
    });
    nextRun(counting);
    const once = reads;
    for (let time = 0; time < 100; time += 1) waitBeforeWrite(counting, CREATED + time * MINUTE);
    assert.equal(reads, once);
  });
});

describe('a schedule with random text', () => {
  const field = fc.oneof(
    fc.constantFrom(
      '*',
      '0',
      '31',
      '2',
      '29',
      '*/59',
      '1-5',
      '5/15',
      '1,2',
      'L',
      '15W',
      'mon#5',
      '+1',
      '9-1',
    ),
    fc.string({ maxLength: 4 }),
  );
  const zone = fc.constantFrom(
    ...['', 'TZ=Local ', 'TZ=Nowhere ', 'CRON_TZ=europe/BERLIN ', 'TZ= ', 'TZ=', 'TZ=\t', 'TZ=+14:00 '],
  );
  const cron = fc.oneof(
    fc.tuple(zone, fc.array(field, { minLength: 4, maxLength: 7 })).map(([z, f]) => `${z}${f.join(' ')}`),
    fc.constantFrom('@every 1e9h', '@every 0s', '@yearly', '@constructor', '@reboot', '2026-01-01T00:00:00'),
    fc.string(),
    fc.string({ minLength: 10_000, maxLength: 10_010 }),
  );
  const interval = fc.oneof(
    fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 30n }), fc.constantFrom('ns', 's', 'h', '.5h', '')),
    fc.tuple(fc.string(), fc.constant('')),
  );
  const time = fc.integer({
    min: Date.parse('0001-01-01T00:00:00Z'),
    max: Date.parse('9999-12-31T23:59:59Z'),
  });

  it('causes no exception and only finite times', () => {
    fc.assert(
      fc.property(
        fc.option(cron, { nil: undefined }),
        interval.map(([amount, unit]) => `${amount}${unit}`),
        fc.record({ createdAt: time, changedAt: time, lastRunAt: fc.option(time, { nil: undefined }) }),
        time,
        (text, duration, times, now) => {
          const whole = schedule({ cron: text, interval: duration, ...times });
          const found = [
            ...[nextRun(whole), everyMs(whole), waitBeforeWrite(whole, now)],
            ...previousTicks(whole, now).take(3),
          ];
          for (const each of found)
            assert.ok(each === undefined || (Number.isFinite(each) && Math.abs(each) < 8.64e15), `${each}`);
          assert.equal(typeof isCronTick(whole, now, now), 'boolean');
        },
      ),
    );
  });
});
