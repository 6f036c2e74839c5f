import { parseCron, tickAfter, tickBefore } from './cron.ts';
import { parseGoDuration } from './duration.ts';

/** When a ScheduledScan runs. All times are finite, in milliseconds since the epoch. */
export interface Schedule {
  readonly suspended: boolean;
  readonly createdAt: number;
  /** The last write by anyone, according to the managed fields; 0: not known. */
  readonly changedAt: number;
  /** `status.lastScheduleTime`; undefined: it has not run yet. */
  readonly lastRunAt: number | undefined;
  /** Cron expression, in UTC. */
  readonly cron: string | undefined;
  /** Go duration, e.g. `12h`. secureCodeBox ignores it if there is a cron expression. */
  readonly interval: string | undefined;
}

/** No ScheduledScan is written if its run is due within this time, because clocks differ. */
const CLOCK_SKEW_MS = 2_000;
/** If a run has not begun this long after it was due, it is not expected to begin. */
const LONGEST_WAIT_MS = 60_000;
const YEAR_MS = 365.25 * 86_400_000;

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

/** How many years back the search for ticks goes: enough for ten runs of a yearly schedule. */
const YEARS_BACK = 10;

function nextTick(cron: string, after: number): number | undefined {
  const parsed = parseCron(cron);
  return parsed && tickAfter(parsed, after);
}

/** Why a ScheduledScan has no next run, although it is not suspended. */
export interface NoRun {
  /** `Refused`: the operator cannot read the text. `NoDate`: the expression has no tick within five years. */
  readonly reason: 'Refused' | 'NoDate';
  readonly field: 'schedule' | 'interval';
  readonly text: string;
}

/** undefined: there is a next run, the scan is suspended, or it has neither a schedule nor an interval. */
export function noRun(schedule: Schedule): NoRun | undefined {
  const { suspended, cron, interval } = schedule;
  if (suspended || nextRun(schedule) !== undefined) return undefined;
  if (cron !== undefined) {
    const reason = parseCron(cron) === undefined ? 'Refused' : 'NoDate';
    return { reason, field: 'schedule', text: cron };
  }
  return interval === undefined ? undefined : { reason: 'Refused', field: 'interval', text: interval };
}

/** Milliseconds between runs; undefined: the schedule is a cron expression, or cannot be parsed. */
export function everyMs({ cron, interval }: Schedule): number | undefined {
  if (cron === undefined) return intervalMs(interval);
  const parsed = parseCron(cron);
  return parsed?.kind === 'every' ? parsed.periodMs : undefined;
}

/**
 * The ticks of a cron expression in the ten years before a time, the latest first; none if there is no such expression.
 * They are found one at a time, so that a caller that needs only the latest ones does not search for others.
 */
export function* previousTicks({ cron }: Schedule, before: number): Generator<number> {
  const parsed = cron === undefined ? undefined : parseCron(cron);
  if (parsed === undefined) return;
  const earliest = before - YEARS_BACK * YEAR_MS;
  for (let tick = tickBefore(parsed, before, earliest); tick !== undefined; ) {
    yield tick;
    tick = tickBefore(parsed, tick, earliest);
  }
}

/** Whether a time is the first tick of a cron expression after another time. */
export function isCronTick({ cron }: Schedule, after: number, time: number | undefined): boolean {
  return cron !== undefined && time !== undefined && nextTick(cron, after) === time;
}
