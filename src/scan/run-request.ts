import { parseTime } from '../text/index.ts';

const SECOND_MS = 1_000;

/** Why a ScheduledScan is to run again: its image was moved, or it was bound after its last Scan had failed. */
export type RunCause = 'Moved' | 'Bound';

/**
 * A run that is asked for, as an annotation of the ScheduledScan says it. secureCodeBox copies the annotation to the Scan
 * that it makes next: whoever comes later can tell what has been done.
 */
export interface RunRequest {
  readonly cause: RunCause;
  /** Milliseconds since the epoch, a whole second: a run that was scheduled then or later is the one. */
  readonly at: number;
}

/** A run that is asked for now. In the second that follows: one that began before, in this very second, is not the one. */
export function requestRun(cause: RunCause, now: number): RunRequest {
  return { cause, at: (Math.floor(now / SECOND_MS) + 1) * SECOND_MS };
}

export function formatRunRequest({ cause, at }: RunRequest): string {
  return `${cause} ${new Date(at).toISOString().replace('.000Z', 'Z')}`;
}

/** undefined: there is none, or somebody has written something else. */
export function parseRunRequest(text: string | undefined): RunRequest | undefined {
  const match = /^(?<cause>Moved|Bound) (?<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/.exec(text ?? '');
  const at = parseTime(match?.groups?.['time'] ?? '');
  if (match === null || at === undefined) return undefined;
  return { cause: match.groups?.['cause'] === 'Moved' ? 'Moved' : 'Bound', at };
}
