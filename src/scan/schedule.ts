import { Cron } from 'croner';

/** When a ScheduledScan runs; times are milliseconds since the epoch. */
export interface Schedule {
  readonly suspended: boolean;
  readonly createdAt: number;
  /** When anyone last wrote it. */
  readonly changedAt: number;
  /** `status.lastScheduleTime`; undefined: it has not run yet. */
  readonly lastRunAt: number | undefined;
  /** Cron expression in UTC. */
  readonly cron: string | undefined;
  /** Go duration, e.g. `12h`; secureCodeBox reads it only where there is no cron expression. */
  readonly interval: string | undefined;
}

/** Clocks differ: so long before a run is due nobody writes either. */
const CLOCK_SKEW_MS = 2_000;
/** A run that has not begun so long after it was due is not about to: nothing to wait for. */
const LONGEST_WAIT_MS = 60_000;

/**
 * How many milliseconds a write of the ScheduledScan has to wait; 0: none. secureCodeBox's operator gets stuck
 * where someone else writes a ScheduledScan between its creation of the Scan and its own status update, so
 * nobody may write while a run is due. The wait is bounded, for an operator that does not run must not stop us: it
 * counts from when the run became due, by time or by somebody's write (a trigger is an old `lastScheduleTime`).
 */
export function waitBeforeWrite(schedule: Schedule, now: number): number {
  const due = nextRun(schedule);
  if (due === undefined || now < due - CLOCK_SKEW_MS) return 0;
  return Math.max(0, Math.max(due, schedule.changedAt) + LONGEST_WAIT_MS - now);
}

/** When the next run is due; undefined: never. */
export function nextRun({ suspended, cron, interval, createdAt, lastRunAt }: Schedule): number | undefined {
  if (suspended) return undefined;
  if (cron !== undefined) return nextTick(cron, lastRunAt ?? createdAt);
  const period = interval === undefined ? undefined : parseGoDuration(interval);
  if (period === undefined) return undefined;
  return lastRunAt === undefined ? createdAt : lastRunAt + period;
}

/** What the operator's parser takes besides cron expressions: https://pkg.go.dev/github.com/robfig/cron/v3 */
const ZONED = /^(?:CRON_)?TZ=(?<timezone>\S+)\s+(?<schedule>.*)$/;
const EVERY = /^@every (?<duration>\S+)$/;

function nextTick(cron: string, after: number): number | undefined {
  const every = everyOf(cron);
  if (every !== undefined) {
    const period = parseGoDuration(every);
    return period === undefined ? undefined : after + period;
  }
  return parseCron(cron)?.nextRun(new Date(after))?.getTime();
}

/** The duration of `@every`, which the time zone does not matter to. */
function everyOf(cron: string): string | undefined {
  return EVERY.exec(ZONED.exec(cron)?.groups?.['schedule'] ?? cron)?.groups?.['duration'];
}

function parseCron(cron: string): Cron | undefined {
  const { timezone = 'UTC', schedule = '' } = ZONED.exec(cron)?.groups ?? { schedule: cron };
  try {
    return new Cron(schedule, { timezone, mode: '5-part' });
  } catch {
    // secureCodeBox's operator cannot read it either, so it never runs.
    return undefined;
  }
}

/** Milliseconds between runs; undefined: they follow a cron expression, or nothing that can be read. */
export function everyMs({ cron, interval }: Schedule): number | undefined {
  const duration = cron === undefined ? interval : everyOf(cron);
  return duration === undefined ? undefined : parseGoDuration(duration);
}

/**
 * The ticks of a cron expression before a time, the latest first; none where there is no such expression. One after another,
 * for to find a tick takes a while where they are far apart.
 */
export function* previousTicks({ cron }: Schedule, before: number): Generator<number> {
  const parsed = cron === undefined ? undefined : parseCron(cron);
  let tick = parsed?.previousRuns(1, new Date(before)).at(0);
  while (tick !== undefined) {
    yield tick.getTime();
    tick = parsed?.previousRuns(1, tick).at(0);
  }
}

/** Whether a time is the first tick of a cron expression after another time. */
export function isCronTick({ cron }: Schedule, after: number, time: number | undefined): boolean {
  return cron !== undefined && time !== undefined && nextTick(cron, after) === time;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1e3,
  m: 6e4,
  h: 3.6e6,
};
const GO_DURATION = /^\+?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const GO_DURATION_PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/** Milliseconds of a positive Go duration (https://pkg.go.dev/time#ParseDuration); undefined: it is none. */
export function parseGoDuration(text: string): number | undefined {
  if (!GO_DURATION.test(text)) return undefined;
  let milliseconds = 0;
  for (const [, amount, unit] of text.matchAll(GO_DURATION_PART)) {
    milliseconds += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  return milliseconds;
}
