import type { ConcurrencyPolicy } from './concurrency-policy.ts';
import { newestRun, type ScanRun } from './run.ts';
import { formatRunRequest, type RunRequest } from './run-request.ts';
import { nextRun, type Schedule } from './schedule.ts';

/** What a request for a run depends on. */
export interface RequestedScan {
  readonly schedule: Schedule;
  readonly request: RunRequest | undefined;
  readonly concurrencyPolicy: ConcurrencyPolicy;
}

/** The Scan that delays a requested run. */
export interface AwaitedScan {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /**
   * When the run is started even if this Scan has not ended, in milliseconds since the epoch; undefined: it is not, because
   * the concurrency policy would make the operator skip the run, or delete this Scan.
   */
  readonly until: number | undefined;
}

/** Whether no run was scheduled since the request. A Scan may have fulfilled it nevertheless. */
export function isOpen({
  schedule: { lastRunAt },
  request,
}: Omit<RequestedScan, 'concurrencyPolicy'>): boolean {
  return request !== undefined && (lastRunAt === undefined || lastRunAt < request.at);
}

/**
 * Whether the request still needs a run. A request with the cause `Bound` needs none if the newest Scan was successful.
 *
 * @param runs - all Scans of the ScheduledScan
 */
export function isPending(scan: Omit<RequestedScan, 'concurrencyPolicy'>, runs: readonly ScanRun[]): boolean {
  const { request } = scan;
  if (request === undefined || !isOpen(scan)) return false;
  const text = formatRunRequest(request);
  if (runs.some((run) => run.request === text)) return false;
  const state = newestRun(runs)?.state;
  return request.cause === 'Migrated' || state === 'Failed' || state === 'Running';
}

/**
 * The Scan that a requested run waits for: the newest one that has not ended. The wait counts from the request, so that it
 * has the same bound for each request, and neither a restart nor another Scan extends it.
 *
 * @param waitMs - the longest wait for a Scan, in milliseconds
 * @returns undefined: no run is requested, or no Scan delays it
 */
export function awaitedScan(
  scan: RequestedScan,
  runs: readonly ScanRun[],
  waitMs: number,
): AwaitedScan | undefined {
  const { request, schedule, concurrencyPolicy } = scan;
  if (request === undefined || !isPending(scan, runs) || nextRun(schedule) === undefined) return undefined;
  const running = newestRun(runs.filter(({ state }) => state === 'Running'));
  if (running === undefined) return undefined;
  const { name, createdAt } = running;
  return { name, createdAt, until: concurrencyPolicy === 'Allow' ? request.at + waitMs : undefined };
}
