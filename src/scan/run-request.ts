import { parseTime } from '../text/index.ts';

const SECOND_MS = 1_000;

/** Why a ScheduledScan must run again: it was migrated, or it was bound after its last Scan had failed. */
export type RunCause = 'Migrated' | 'Bound';

/**
 * A request for a run, in an annotation of the ScheduledScan. secureCodeBox copies the annotation to the next Scan, so that
 * a restarted controller can tell which requests have been fulfilled.
 */
export interface RunRequest {
  readonly cause: RunCause;
  /** Milliseconds since the epoch, in whole seconds. A run that is scheduled at this time or later fulfills the request. */
  readonly at: number;
}

/** Requests a run from the next second on, because a run that began earlier in this second does not fulfill the request. */
export function requestRun(cause: RunCause, now: number): RunRequest {
  return { cause, at: (Math.floor(now / SECOND_MS) + 1) * SECOND_MS };
}

export function formatRunRequest({ cause, at }: RunRequest): string {
  return `${cause} ${new Date(at).toISOString().replace('.000Z', 'Z')}`;
}

/** undefined: there is no request, or the text is not one that the controller writes. */
export function parseRunRequest(text: string | undefined): RunRequest | undefined {
  const match = /^(?<cause>Migrated|Bound) (?<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/.exec(text ?? '');
  const at = parseTime(match?.groups?.['time'] ?? '');
  if (match === null || at === undefined) return undefined;
  return { cause: match.groups?.['cause'] === 'Migrated' ? 'Migrated' : 'Bound', at };
}
