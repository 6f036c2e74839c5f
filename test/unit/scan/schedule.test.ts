import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  everyMs,
  isCronTick,
  nextRun,
  previousTicks,
  type Schedule,
  waitBeforeWrite,
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
      name: 'waits for a tick on the hour if day of month and day of week are both restricted',
      schedule: { cron: '0 11 1-7 * mon' },
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
      name: 'never waits for a schedule in a time zone, which the operator refuses',
      schedule: { cron: 'TZ=UTC 30 10 * * *', lastRunAt: CREATED - HOUR },
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

describe('nextRun', () => {
  const next = (cron: string, after = CREATED) => nextRun(schedule({ cron, createdAt: after }));

  // The operator's own parser gives these results; test/e2e/oracle compares many more.
  const MONDAY = Date.UTC(2026, 0, 5);
  const cases: Readonly<Record<string, number | undefined>> = {
    '0 11 * * *': CREATED + 30 * MINUTE,
    '30 10 * * *': CREATED + 24 * HOUR,
    '5/15 * * * *': CREATED + 5 * MINUTE,
    '1-5/2,,45 * * * *': CREATED + 15 * MINUTE,
    '*-x 11 * * *': CREATED + 30 * MINUTE,
    '0\t0\u00a0?  * Mon': MONDAY,
    '0 0 2 * mon': Date.UTC(2026, 0, 2),
    '0 0 */2 * mon': MONDAY,
    '0 0 */1 * mon': MONDAY,
    '0 0 ? * mon': MONDAY,
    '0 0 , * mon': MONDAY,
    '0 0 5 JAN-feb/2 ?': MONDAY,
    ', * * * *': undefined,
    '@weekly': Date.UTC(2026, 0, 4),
    '@every 90m': CREATED + 90 * MINUTE,
    '@every 1500ms': CREATED + 1_000,
    '@every 5ms': CREATED + 1_000,
    '@every -1h': CREATED + 1_000,
  };
  for (const [cron, expected] of Object.entries(cases))
    it(`is that of the operator for ${JSON.stringify(cron)}`, () => assert.equal(next(cron), expected));

  it('is undefined for an expression that the operator refuses', () => {
    for (const cron of [
      // A time zone, the weekday 7, L, W and #
      ...['TZ=UTC 0 11 * * *', 'CRON_TZ=Europe/Berlin 0 11 * * *', 'TZ=UTC @daily', 'TZ= 0 11 * * *'],
      ...[
        '0 0 * * 7',
        '0 0 * * 1-7',
        '0 0 L * *',
        '0 0 15W * *',
        '0 0 * * 5L',
        '0 0 * * 1#5',
        '0 0 * * mon#1',
      ],
      ...['5-1 * * * *', '60 * * * *', '1-2-3 * * * *', '*/0 * * * *', '*/2/2 * * * *', '*/ * * * *'],
      ...['0 0 * *', '0 0 0 * * *', '', ' ', '0 0 1 january *', '0 0 0x1 * *', '0 0 * * FRID'],
      ...['@Daily', '@reboot', '@daily ', ' @daily', '@constructor', '@every', '@every 1d'],
      ...['soon', '2027-01-01T00:00:00'],
    ])
      assert.equal(next(cron), undefined, cron);
  });

  it('is undefined for an expression that is too long to be read', () => {
    assert.equal(next(`${'0,'.repeat(123)}0 * * * *`), CREATED + 30 * MINUTE);
    assert.equal(next(`${'0,'.repeat(124)}0 * * * *`), undefined);
  });

  it('is on a whole minute after the time, whatever the fraction of a second', () => {
    for (const offset of [-1, -999, -1_000, -59_999])
      assert.equal(next('30 10 * * *', CREATED + offset), CREATED);
    for (const offset of [0, 1, 59_999]) assert.notEqual(next('30 10 * * *', CREATED + offset), CREATED);
    assert.equal(next('@every 2s', CREATED + 999), CREATED + 2_000);
  });

  it('looks only five years ahead, like the operator, so that an impossible date costs little', () => {
    assert.equal(next('0 0 29 2 *'), Date.UTC(2028, 1, 29));
    for (const cron of ['0 0 31 2 *', '0 0 31 4,6,9,11 *']) assert.equal(next(cron), undefined, cron);
    // 2100 is not a leap year.
    assert.equal(next('0 0 29 2 *', Date.UTC(2097, 0)), undefined);
  });

  it('takes few steps for a date that does not exist and for the longest expression', () => {
    const crons = ['0 0 31 2 *', '* * , * ,', ', , , , ,', `${'*,'.repeat(120)}* * 31 2 *`];
    for (const cron of crons) {
      const begin = performance.now();
      for (let time = 0; time < 100; time += 1) {
        next(cron, CREATED + time);
        assert.deepEqual([...previousTicks(schedule({ cron }), CREATED + time).take(3)], []);
      }
      const milliseconds = performance.now() - begin;
      assert.ok(milliseconds < 2_000, `${milliseconds} ms for 200 searches of ${cron}`);
    }
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

describe('previousTicks', () => {
  const previous = (cron: string, before = CREATED) => [...previousTicks(schedule({ cron }), before).take(3)];

  it('goes back from tick to tick', () => {
    assert.deepEqual(previous('0,30 10,11 * * *'), [
      CREATED - 30 * MINUTE,
      CREATED - 23 * HOUR,
      CREATED - 23 * HOUR - 30 * MINUTE,
    ]);
    assert.deepEqual(previous('0 0 29 2 *'), [
      Date.UTC(2024, 1, 29),
      Date.UTC(2020, 1, 29),
      Date.UTC(2016, 1, 29),
    ]);
  });

  it('ends after ten years', () => {
    assert.equal([...previousTicks(schedule({ cron: '@yearly' }), CREATED)].length, 11);
    assert.deepEqual(previous('0 0 29 2 *', Date.UTC(2104, 0)), [Date.UTC(2096, 1, 29)]);
  });

  it('finds none for @every, for an interval and for an expression that the operator refuses', () => {
    for (const cron of ['@every 1h', '0 0 * * 7', 'TZ=UTC 0 0 * * *']) assert.deepEqual(previous(cron), []);
    assert.deepEqual([...previousTicks(schedule({ interval: '1h' }), CREATED)], []);
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
