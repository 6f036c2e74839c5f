import { Cron } from 'croner';

/** When a ScheduledScan runs. All times are finite, in milliseconds since the epoch. */
export interface Schedule {
  readonly suspended: boolean;
  readonly createdAt: number;
  /** The last write by anyone, according to the managed fields; 0: not known. */
  readonly changedAt: number;
  /** `status.lastScheduleTime`; undefined: it has not run yet. */
  readonly lastRunAt: number | undefined;
  /** Cron expression in UTC. */
  readonly cron: string | undefined;
  /** Go duration, e.g. `12h`. secureCodeBox ignores it if there is a cron expression. */
  readonly interval: string | undefined;
}

/** No ScheduledScan is written if its run is due within this time, because clocks differ. */
const CLOCK_SKEW_MS = 2_000;
/** If a run has not begun this long after it was due, it is not expected to begin. */
const LONGEST_WAIT_MS = 60_000;
const SECOND_MS = 1_000;
/** The longest interval or cron expression that is read, in characters. */
export const LONGEST_SCHEDULE = 256;

/**
 * How many milliseconds a write of the ScheduledScan has to wait; 0: it may be written now. secureCodeBox's operator gets
 * stuck if another client writes a ScheduledScan after the operator creates the Scan and before it updates the status. So
 * the controller does not write while a run is due. The wait is bounded, because an operator that is not running must not
 * block the controller. The wait begins when the run becomes due, by time or by a write (a trigger sets an old
 * `lastScheduleTime`).
 */
export function waitBeforeWrite(schedule: Schedule, now: number): number {
  const due = nextRun(schedule);
  if (due === undefined || now < due - CLOCK_SKEW_MS) return 0;
  return Math.max(0, Math.max(due, writtenAt(schedule, now)) + LONGEST_WAIT_MS - now);
}

/**
 * When the ScheduledScan was last written; 0: not known. Users may have forged a time in the future, so such a time is
 * ignored.
 */
export function writtenAt({ changedAt }: Schedule, now: number): number {
  return changedAt > now + LONGEST_WAIT_MS ? 0 : changedAt;
}

/** Cached by schedule object. Each version of a ScheduledScan has its own, so each version is evaluated once. */
const NEXT_RUNS = new WeakMap<Schedule, { readonly time: number | undefined }>();

/** When the next run is due, which is a finite time; undefined: never. Does not throw for any text of the schedule. */
export function nextRun(schedule: Schedule): number | undefined {
  const known = NEXT_RUNS.get(schedule);
  if (known !== undefined) return known.time;
  const time = computeNextRun(schedule);
  NEXT_RUNS.set(schedule, { time });
  return time;
}

function computeNextRun({ suspended, cron, interval, createdAt, lastRunAt }: Schedule): number | undefined {
  if (suspended) return undefined;
  if (cron !== undefined) return nextTick(cron, lastRunAt ?? createdAt);
  const period = intervalMs(interval);
  if (period === undefined) return undefined;
  return lastRunAt === undefined ? createdAt : lastRunAt + period;
}

/** secureCodeBox's operator refuses an interval of 0. */
function intervalMs(interval: string | undefined): number | undefined {
  const period = interval === undefined ? undefined : parseGoDuration(interval);
  return period === 0 ? undefined : period;
}

/** What the operator's parser accepts in addition to cron expressions: https://pkg.go.dev/github.com/robfig/cron/v3 */
const ZONED = /^(?:CRON_)?TZ=(?<timezone>\S*)\s+(?<schedule>.*)$/;
const EVERY = /^@every (?<duration>\S+)$/;
const DESCRIPTORS: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);
/**
 * Matches five fields. Excludes syntax that croner accepts but the operator's parser does not. For example, croner reads
 * a text with a colon as a date.
 */
const FIELDS = /^[\w*?,/-]+(?:\s+[\w*?,/-]+){4}$/;
/**
 * How many years the operator's parser looks ahead for a tick (https://github.com/robfig/cron/blob/v3.0.1/spec.go).
 */
const YEARS_AHEAD = 5;
/** How many years back the search for ticks goes: enough for ten runs of a yearly schedule. */
const YEARS_BACK = 10;

function nextTick(cron: string, after: number): number | undefined {
  const every = everyOf(cron);
  if (every === undefined) return firstTick(cron, after);
  const period = everyPeriod(every);
  return period === undefined ? undefined : after + period;
}

/** The duration of `@every`. The time zone has no effect on it. */
function everyOf(cron: string): string | undefined {
  return EVERY.exec(ZONED.exec(cron)?.groups?.['schedule'] ?? cron)?.groups?.['duration'];
}

/** Whole seconds, at least one (https://github.com/robfig/cron/blob/v3.0.1/constantdelay.go). */
function everyPeriod(duration: string): number | undefined {
  const milliseconds = parseGoDuration(duration);
  if (milliseconds === undefined) return undefined;
  return Math.max(1, Math.floor(milliseconds / SECOND_MS)) * SECOND_MS;
}

function firstTick(cron: string, after: number): number | undefined {
  const year = new Date(after).getUTCFullYear();
  const parsed = parseCron(cron, year - 1, year + YEARS_AHEAD);
  return timeOf(() => parsed?.nextRun(new Date(after)));
}

/**
 * A cron expression that ticks only in these years; undefined: it cannot be parsed. The years are limited, because a
 * search through centuries for February 31 takes a hundred times as long as finding an ordinary tick. The years must
 * include the year in the time zone, which may differ from the year in UTC.
 */
function parseCron(cron: string, first: number, last: number): Cron | undefined {
  if (cron.length > LONGEST_SCHEDULE) return undefined;
  const { timezone = '', schedule = '' } = ZONED.exec(cron)?.groups ?? { schedule: cron };
  const fields = DESCRIPTORS.get(schedule) ?? schedule.trim();
  const zone = zoneOf(timezone);
  if (zone === undefined || !FIELDS.test(fields)) return undefined;
  const years = `${Math.max(1, first)}-${Math.min(9999, last)}`;
  try {
    return new Cron(`0 ${fields} ${years}`, { timezone: zone, mode: '7-part' });
  } catch {
    // secureCodeBox's operator cannot read the expression either, so it never runs the scan.
    return undefined;
  }
}

/** The time of a tick; undefined: there is none. croner throws for some expressions that it cannot compute. */
function timeOf(find: () => Date | null | undefined): number | undefined {
  try {
    return find()?.getTime();
  } catch {
    return undefined;
  }
}

/**
 * The canonical name of a time zone; undefined: there is no such zone, so the operator cannot read the schedule and never
 * runs it. `Local` and the empty name are the operator's own zone in Go (https://pkg.go.dev/time#LoadLocation), which is UTC
 * in its container. The name is canonical because croner keeps a formatter for each name, and Node ignores letter case.
 */
export function zoneOf(name: string): string | undefined {
  if (name === '' || name === 'Local') return 'UTC';
  // Node accepts an offset such as `+01:00` as a zone, but Go does not.
  if (!/^[A-Za-z]/.test(name)) return undefined;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

/** Milliseconds between runs; undefined: the schedule is a cron expression, or cannot be parsed. */
export function everyMs({ cron, interval }: Schedule): number | undefined {
  if (cron === undefined) return intervalMs(interval);
  const every = everyOf(cron);
  return every === undefined ? undefined : everyPeriod(every);
}

/**
 * The ticks of a cron expression in the ten years before a time, the latest first; none if there is no such expression.
 * They are found one at a time, because finding one is expensive.
 */
export function* previousTicks({ cron }: Schedule, before: number): Generator<number> {
  const year = new Date(before).getUTCFullYear();
  const parsed = cron === undefined ? undefined : parseCron(cron, year - YEARS_BACK, year + 1);
  const previous = (time: number) => timeOf(() => parsed?.previousRuns(1, new Date(time)).at(0));
  for (let tick = previous(before); tick !== undefined; tick = previous(tick)) yield tick;
}

/** Whether a time is the first tick of a cron expression after another time. */
export function isCronTick({ cron }: Schedule, after: number, time: number | undefined): boolean {
  return cron !== undefined && time !== undefined && nextTick(cron, after) === time;
}

const UNIT_NS: ReadonlyMap<string | undefined, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['\u00b5s', 1_000n],
  ['\u03bcs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]);
const LONGEST_DURATION_NS = 2n ** 63n - 1n;
const NS_PER_MS = 1e6;
const GO_DURATION = /^\+?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const GO_DURATION_PART = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g;

/**
 * Milliseconds of a non-negative Go duration (https://pkg.go.dev/time#ParseDuration); undefined: the text is not one.
 * As in Go, a duration has at most 2^63 - 1 nanoseconds, which is about 292 years.
 */
export function parseGoDuration(text: string): number | undefined {
  if (text.length > LONGEST_SCHEDULE || !GO_DURATION.test(text)) return undefined;
  let nanoseconds = 0n;
  for (const [, whole = '', fraction = '', unit] of text.matchAll(GO_DURATION_PART)) {
    const size = UNIT_NS.get(unit) ?? 0n;
    const part = Number(fraction) * (Number(size) / 10 ** fraction.length);
    nanoseconds += BigInt(whole) * size + BigInt(Math.floor(part));
  }
  return nanoseconds > LONGEST_DURATION_NS ? undefined : Number(nanoseconds) / NS_PER_MS;
}
