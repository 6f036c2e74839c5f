import {
  everyMs,
  formatRunRequest,
  isCronTick,
  newestRun,
  nextRun,
  previousTicks,
  type RunCause,
  type RunRequest,
  type ScanRun,
  type Schedule,
  writtenAt,
} from '../../scan/index.ts';

/** What is to be done so that a ScheduledScan runs as it should. Times are milliseconds since the epoch. */
export type RunDecision =
  | { readonly run: 'None' }
  | { readonly run: 'Wait'; readonly milliseconds: number }
  /** Writing this `lastScheduleTime` has secureCodeBox start a run at once. */
  | { readonly run: 'Start'; readonly cause: RunCause; readonly lastScheduleTime: number }
  /** Its operator is stuck: it has made the Scan, and could not write that down. Writing this does it for it. */
  | { readonly run: 'Free'; readonly lastScheduleTime: number };

const NONE: RunDecision = { run: 'None' };
const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
/** Between its two writes the operator needs milliseconds; with this much more it is not slow but stuck. */
const STUCK_AFTER_MS = 15_000;
/** So long after somebody has written a ScheduledScan its Scan may be on its way to us. */
const SETTLE_MS = 2_000;
/** Limit on the planned times that are tried to find one without a Scan. */
const MOST_TRIES = 100;

/**
 * A run is started once for each request, by one write, and nothing else is done about it: whether it has been carried
 * out is told from the ScheduledScan and its Scans alone.
 *
 * | the ScheduledScan | then |
 * |---|---|
 * | is suspended, or has no schedule that can be read | none |
 * | is due, and its Scan was made a while ago | free it |
 * | is due, or about to be | none: that run is the one |
 * | has a Scan with this request, or was scheduled since | none: done |
 * | has a Scan that has not ended | none, until it has |
 * | was bound after a failure, and its newest Scan has not failed | none |
 * | else | start |
 *
 * @param runs - the Scans of this ScheduledScan, those of other requests too
 */
export function decideRun(
  scan: { readonly name: string; readonly schedule: Schedule; readonly request: RunRequest | undefined },
  runs: readonly ScanRun[],
  now: number,
): RunDecision {
  const { schedule, request } = scan;
  const due = nextRun(schedule);
  if (due === undefined) return NONE;
  if (due <= now) return decideDue(scan, { due, runs, now });
  if (request === undefined || due <= now + SETTLE_MS || !isPending(request, schedule, runs)) return NONE;
  // Clocks of two leaders may differ; what is far ahead nobody has asked for here.
  if (request.at > now + DAY_MS) return NONE;
  const milliseconds = Math.max(writtenAt(schedule, now) + SETTLE_MS, request.at) - now;
  if (milliseconds > 0) return { run: 'Wait', milliseconds };
  const lastScheduleTime = triggerTime(scan, runs, now);
  return lastScheduleTime === undefined ? NONE : { run: 'Start', cause: request.cause, lastScheduleTime };
}

function decideDue(
  { name, schedule }: { readonly name: string; readonly schedule: Schedule },
  { due, runs, now }: { readonly due: number; readonly runs: readonly ScanRun[]; readonly now: number },
): RunDecision {
  // One with an interval that has never run is given another name at each try.
  if (schedule.cron === undefined && schedule.lastRunAt === undefined) return NONE;
  const made = runs.find((run) => run.name === scanName(name, due));
  if (made === undefined) return NONE;
  const milliseconds = Math.max(made.createdAt, writtenAt(schedule, now)) + STUCK_AFTER_MS - now;
  if (milliseconds > 0) return { run: 'Wait', milliseconds };
  return { run: 'Free', lastScheduleTime: newestRun(runs)?.createdAt ?? made.createdAt };
}

function isPending(request: RunRequest, { lastRunAt }: Schedule, runs: readonly ScanRun[]): boolean {
  if (lastRunAt !== undefined && lastRunAt >= request.at) return false;
  const text = formatRunRequest(request);
  if (runs.some((run) => run.request === text || run.state === 'Running')) return false;
  return request.cause === 'Moved' || newestRun(runs)?.state === 'Failed';
}

/**
 * A `lastScheduleTime` after which a run is due whose Scan has a name that is free: with a name that is taken the operator
 * would get stuck. As `scbctl trigger` does, a day ago, so that clocks that differ do no harm.
 */
function triggerTime(
  { name, schedule }: { readonly name: string; readonly schedule: Schedule },
  runs: readonly ScanRun[],
  now: number,
): number | undefined {
  const taken = new Set(runs.map((run) => run.name));
  const isFree = (planned: number) => !taken.has(scanName(name, planned));
  const period = everyMs(schedule);
  if (period === undefined) {
    const tick = previousTicks(schedule, now).take(MOST_TRIES).find(isFree);
    const before = tick === undefined ? undefined : tick - SECOND_MS;
    return before !== undefined && isCronTick(schedule, before, tick) ? before : undefined;
  }
  const latest = Math.floor((now - DAY_MS - period) / SECOND_MS) * SECOND_MS;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const time = latest - tries * SECOND_MS;
    if (isFree(time + period)) return time;
  }
  return undefined;
}

/** https://github.com/secureCodeBox/secureCodeBox/blob/v5.8.0/operator/controllers/execution/scheduledscan_controller.go */
function scanName(scheduledScan: string, planned: number): string {
  return `${scheduledScan}-${Math.floor(planned / SECOND_MS)}`;
}
