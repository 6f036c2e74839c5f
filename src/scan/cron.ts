/**
 * Cron expressions, read exactly as secureCodeBox's operator reads them: `ParseStandard` and `SpecSchedule.Next` of
 * https://github.com/robfig/cron/tree/v1.2.0, in UTC. `test/e2e/oracle/cron.test.ts` compares both.
 *
 * Differences from other parsers: a text with `TZ=`, `7` for Sunday, `L`, `W` or `#` is refused; `5/15` means `5-max/15`;
 * `?`, `*` with a step and `*-x` count as a star; empty list items are ignored, and a field may consist of commas alone.
 */
import { goFields, goToLower } from '../text/index.ts';
import { durationNs } from './duration.ts';

/** The ticks of a cron expression, or the delay of `@every`. */
export type CronSchedule =
  | CronTicks
  /** The period has whole seconds, at least one. */
  | { readonly kind: 'every'; readonly periodMs: number };

interface CronTicks {
  readonly kind: 'ticks';
  /** Sorted. */
  readonly minutes: readonly number[];
  /** Sorted. */
  readonly hours: readonly number[];
  readonly months: ReadonlySet<number>;
  readonly isDay: (dayOfMonth: number, weekday: number) => boolean;
}

/** The longest text of a schedule that is read, in characters. The operator has no limit. */
export const LONGEST_SCHEDULE = 256;

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;
const DAY_MS = 86_400_000;
/** A tick is at the latest in the fifth year after the one that the search begins in. */
const YEARS_AHEAD = 5;

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
}

const MINUTES: Bounds = { min: 0, max: 59, names: [] };
const HOURS: Bounds = { min: 0, max: 23, names: [] };
const DAYS: Bounds = { min: 1, max: 31, names: [] };
const MONTHS: Bounds = {
  min: 1,
  max: 12,
  names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
};
const WEEKDAYS: Bounds = { min: 0, max: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] };
const STANDARD = [MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS] as const;

const DESCRIPTORS: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);
const EVERY = '@every ';
/** The largest number that Go reads. */
const LARGEST_INTEGER = 2n ** 63n - 1n;

/** Reads a cron expression; undefined: the operator refuses it, or it is too long to be read. Never throws. */
export function parseCron(text: string): CronSchedule | undefined {
  if (text.length > LONGEST_SCHEDULE) return undefined;
  if (text.startsWith(EVERY)) return parseEvery(text.slice(EVERY.length));
  const expression = text.startsWith('@') ? DESCRIPTORS.get(text) : text;
  return expression === undefined ? undefined : parseFields(expression);
}

/** Durations below one second, including negative ones, count as one second. */
function parseEvery(text: string): CronSchedule | undefined {
  const nanoseconds = durationNs(text);
  if (nanoseconds === undefined) return undefined;
  const seconds = Number(nanoseconds / 1_000_000_000n);
  return { kind: 'every', periodMs: Math.max(1, seconds) * SECOND_MS };
}

function parseFields(text: string): CronTicks | undefined {
  const fields = goFields(text);
  if (fields.length !== STANDARD.length) return undefined;
  const parsed = STANDARD.map((bounds, index) => parseField(fields[index] ?? '', bounds));
  const [minutes, hours, days, months, weekdays] = parsed;
  if (!minutes || !hours || !days || !months || !weekdays) return undefined;
  const isBoth = days.hasStar || weekdays.hasStar;
  return {
    kind: 'ticks',
    minutes: sorted(minutes.values),
    hours: sorted(hours.values),
    months: months.values,
    isDay: (day, weekday) => {
      const [isDay, isWeekday] = [days.values.has(day), weekdays.values.has(weekday)];
      return isBoth ? isDay && isWeekday : isDay || isWeekday;
    },
  };
}

function sorted(values: ReadonlySet<number>): readonly number[] {
  return [...values].sort((a, b) => a - b);
}

interface Field {
  readonly values: ReadonlySet<number>;
  /** Whether an item is a star. Then a day must match both the day of month and the day of week. */
  readonly hasStar: boolean;
}

function parseField(text: string, bounds: Bounds): Field | undefined {
  const values = new Set<number>();
  let hasStar = false;
  for (const item of text.split(',')) {
    if (item === '') continue;
    const range = parseRange(item, bounds);
    if (range === undefined) return undefined;
    for (let value = range.start; value <= range.end; value += range.step) values.add(value);
    hasStar ||= range.isStar;
  }
  return { values, hasStar };
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly isStar: boolean;
}

/** A star, `n` or `n-m`, each with or without `/step`. */
function parseRange(text: string, bounds: Bounds): Range | undefined {
  const [ends = '', step, ...more] = text.split('/');
  const range = parseEnds(ends, bounds, step !== undefined);
  const size = parseInteger(step ?? '1');
  if (range === undefined || size === undefined || size === 0 || more.length > 0) return undefined;
  const { start, end } = range;
  return start < bounds.min || end > bounds.max || start > end ? undefined : { ...range, step: size };
}

/**
 * What follows a hyphen after a star is ignored.
 *
 * @param hasStep - `n` means `n-max`
 */
function parseEnds(text: string, bounds: Bounds, hasStep: boolean): Omit<Range, 'step'> | undefined {
  const [low = '', high, ...more] = text.split('-');
  const { min, max } = bounds;
  if (low === '*' || low === '?') return { start: min, end: max, isStar: true };
  const start = parseNumber(low, bounds);
  const end = high === undefined && hasStep ? max : parseNumber(high ?? low, bounds);
  if (start === undefined || end === undefined || more.length > 0) return undefined;
  return { start, end, isStar: false };
}

function parseNumber(text: string, { min, names }: Bounds): number | undefined {
  const index = names.indexOf(goToLower(text));
  return index < 0 ? parseInteger(text) : index + min;
}

/** A number that Go's `strconv.Atoi` reads and that is not negative. */
function parseInteger(text: string): number | undefined {
  if (!/^\+?[0-9]+$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  return value > LARGEST_INTEGER ? undefined : Number(value);
}

/**
 * The first tick after a time, or the end of the delay of `@every`, in milliseconds since the epoch; undefined: there is no
 * tick in the next five years. The operator starts one run of such a schedule at once, and then gets stuck.
 */
export function tickAfter(schedule: CronSchedule, after: number): number | undefined {
  const second = Math.floor(after / SECOND_MS) * SECOND_MS;
  if (schedule.kind === 'every') return second + schedule.periodMs;
  const earliest = (Math.floor(after / MINUTE_MS) + 1) * MINUTE_MS;
  const lastYear = new Date(second + SECOND_MS).getUTCFullYear() + YEARS_AHEAD;
  const lastDay = new Date(0).setUTCFullYear(lastYear, 11, 31);
  for (const day of days(schedule, earliest, lastDay)) {
    const minute = firstMinute(schedule, (earliest - day) / MINUTE_MS);
    if (minute !== undefined) return day + minute * MINUTE_MS;
  }
  return undefined;
}

/** The last tick before a time; undefined: there is none on or after the day of `earliest`, as always for `@every`. */
export function tickBefore(schedule: CronSchedule, before: number, earliest: number): number | undefined {
  if (schedule.kind === 'every') return undefined;
  for (const day of days(schedule, before, earliest)) {
    const minute = lastMinute(schedule, (before - day) / MINUTE_MS);
    if (minute !== undefined) return day + minute * MINUTE_MS;
  }
  return undefined;
}

/** The midnights of the days with ticks, from the day of one time to the day of another, which may be earlier. */
function* days({ months, isDay }: CronTicks, first: number, last: number): Generator<number> {
  const step = first <= last ? 1 : -1;
  const end = Math.floor(last / DAY_MS) * DAY_MS;
  const date = new Date(Math.floor(first / DAY_MS) * DAY_MS);
  while (step * (end - date.getTime()) >= 0) {
    const day = date.getUTCDate();
    const isMonth = months.has(date.getUTCMonth() + 1);
    if (isMonth && isDay(day, date.getUTCDay())) yield date.getTime();
    if (isMonth) date.setUTCDate(day + step);
    else if (step > 0) date.setUTCMonth(date.getUTCMonth() + 1, 1);
    else date.setUTCDate(0);
  }
}

/** The first tick of a day with ticks that is not before `from`. Both are minutes since midnight. */
function firstMinute({ hours, minutes }: CronTicks, from: number): number | undefined {
  for (const hour of hours) {
    const minute = minutes.find((each) => hour * HOUR_MINUTES + each >= from);
    if (minute !== undefined) return hour * HOUR_MINUTES + minute;
  }
  return undefined;
}

/** The last tick of a day with ticks that is before `to`. Both are minutes since midnight. */
function lastMinute({ hours, minutes }: CronTicks, to: number): number | undefined {
  for (const hour of hours.toReversed()) {
    const minute = minutes.findLast((each) => hour * HOUR_MINUTES + each < to);
    if (minute !== undefined) return hour * HOUR_MINUTES + minute;
  }
  return undefined;
}
