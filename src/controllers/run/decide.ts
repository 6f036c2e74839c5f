import {
  awaitedScan,
  everyMs,
  isCronTick,
  isPending,
  newestRun,
  nextRun,
  previousTicks,
  type RequestedScan,
  type RunCause,
  type ScanRun,
  type Schedule,
  writtenAt,
} from '../../scan/index.ts';

/** What to do so that a ScheduledScan runs when it should. Times are in milliseconds since the epoch. */
export type RunDecision =
  | { readonly run: 'None' }
  | { readonly run: 'Wait'; readonly milliseconds: number }
  /** Write this `lastScheduleTime`, so that secureCodeBox starts a run at once. */
  | { readonly run: 'Start'; readonly cause: RunCause; readonly lastScheduleTime: number }
  /** The operator is stuck: it has created the Scan, but failed to record that. Write this `lastScheduleTime` in its place. */
  | { readonly run: 'Free'; readonly lastScheduleTime: number };

const NONE: RunDecision = { run: 'None' };
const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
/** The operator needs only milliseconds between its two writes. If this time has passed, the operator is stuck. */
const STUCK_AFTER_MS = 15_000;
/** How long the watch may take to deliver the new Scan after a write of its ScheduledScan. */
const SETTLE_MS = 2_000;
/** Limit on the planned times to try in the search for one without a Scan. */
const MOST_TRIES = 100;

/** The time and the setting that a decision depends on, in milliseconds. */
export interface RunContext {
  readonly now: number;
  /** How long a requested run waits for a Scan that has not ended. */
  readonly runWaitMs: number;
}

/**
 * Decides whether to start the requested run. One write starts the run of a request. Whether a request has been fulfilled
 * follows from the ScheduledScan and its Scans alone.
 *
 * | the ScheduledScan | then |
 * |---|---|
 * | is suspended, or has no readable schedule | none |
 * | is due, and its Scan was created a while ago | unblock it |
 * | is due, or is about to be | none: that run fulfills the request |
 * | has a Scan with this request, or was scheduled since | none: the request is fulfilled |
 * | was bound after a failure, and its newest Scan was successful | none |
 * | has a Scan that has not ended, and its concurrency policy is `Forbid` or `Replace` | none until that Scan has ended |
 * | has a Scan that has not ended | wait for its end, but at most `runWaitMs` from the request on |
 * | anything else | start |
 *
 * @param runs - all Scans of this ScheduledScan, including those of other requests
 */
export function decideRun(
  scan: RequestedScan & { readonly name: string },
  runs: readonly ScanRun[],
  { now, runWaitMs }: RunContext,
): RunDecision {
  const { schedule, request } = scan;
  const due = nextRun(schedule);
  if (due === undefined) return NONE;
  if (due <= now) return decideDue(scan, { due, runs, now });
  if (request === undefined || due <= now + SETTLE_MS || !isPending(scan, runs)) return NONE;
  // The clocks of two leaders may differ, but not by a day: such a request is not from a controller.
  if (request.at > now + DAY_MS) return NONE;
  const awaited = awaitedScan(scan, runs, runWaitMs);
  // A change of the awaited Scan leads to another decision.
  if (awaited !== undefined && awaited.until === undefined) return NONE;
  const earliest = Math.max(writtenAt(schedule, now) + SETTLE_MS, request.at, awaited?.until ?? 0);
  const milliseconds = earliest - now;
  if (milliseconds > 0) return { run: 'Wait', milliseconds };
  const lastScheduleTime = triggerTime(scan, runs, now);
  return lastScheduleTime === undefined ? NONE : { run: 'Start', cause: request.cause, lastScheduleTime };
}

function decideDue(
  { name, schedule }: { readonly name: string; readonly schedule: Schedule },
  { due, runs, now }: { readonly due: number; readonly runs: readonly ScanRun[]; readonly now: number },
): RunDecision {
  // With an interval and no previous run, the operator gives the Scan another name at each attempt, so it does not get stuck.
  if (schedule.cron === undefined && schedule.lastRunAt === undefined) return NONE;
  const made = runs.find((run) => run.name === scanName(name, due));
  if (made === undefined) return NONE;
  const milliseconds = Math.max(made.createdAt, writtenAt(schedule, now)) + STUCK_AFTER_MS - now;
  if (milliseconds > 0) return { run: 'Wait', milliseconds };
  return { run: 'Free', lastScheduleTime: newestRun(runs)?.createdAt ?? made.createdAt };
}

/**
 * A `lastScheduleTime` that makes a run due; undefined: none was found. The name of the new Scan contains the time of the run.
 * The time must give a name that no Scan has, because the operator would otherwise get stuck. Like `scbctl trigger`, uses a
 * time a day ago, so that clock skew does not matter.
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

/**
 * The name that secureCodeBox gives to a Scan:
 * https://github.com/secureCodeBox/secureCodeBox/blob/v5.8.0/operator/controllers/execution/scheduledscan_controller.go
 */
function scanName(scheduledScan: string, planned: number): string {
  return `${scheduledScan}-${Math.floor(planned / SECOND_MS)}`;
}
