import type { RevertedWrite } from '../api/index.ts';
import type { Binding } from '../binding/index.ts';
import type { ScheduledScan } from '../scan/index.ts';

/** Number of reversions of a scan within {@link REVERSION_WINDOW_MS} after which the controller backs off. */
export const MANY_REVERSIONS = 3;
export const REVERSION_WINDOW_MS = 600_000;
const SHORTEST_WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 600_000;
/** With this many reversions, the wait is the longest one. */
export const MOST_REVERSIONS = 10;
/** Limit on the scans that a status names. */
export const MOST_REVERTED_WRITES = 20;

/**
 * What the status of a binding says about the reverted writes of a scan; undefined: nobody reverts them, or the field manager that
 * reverted them no longer manages any field of the scan.
 */
export function revertedWriteOf(
  { status }: Pick<Binding, 'status'>,
  { name, fieldManagers }: Pick<ScheduledScan, 'name' | 'fieldManagers'>,
): RevertedWrite | undefined {
  const found = status?.revertedWrites?.find(({ scheduledScan }) => scheduledScan === name);
  return found !== undefined && fieldManagers.includes(found.fieldManager) ? found : undefined;
}

/**
 * The reverted write because of which the controller may have to wait before it writes the scan again; undefined: none. This is the
 * one of the scan ({@link revertedWriteOf}). If the status has no room for a further scan, it is that of any scan whose field
 * manager also manages this scan.
 */
export function applicableRevertedWrite(
  { status }: Pick<Binding, 'status'>,
  scan: Pick<ScheduledScan, 'name' | 'fieldManagers'>,
): RevertedWrite | undefined {
  const named = status?.revertedWrites ?? [];
  const shared =
    named.length < MOST_REVERTED_WRITES
      ? undefined
      : named.find(({ fieldManager }) => scan.fieldManagers.includes(fieldManager));
  return revertedWriteOf({ status }, scan) ?? shared;
}

/**
 * When the controller may write the scan again, in milliseconds since the epoch: 5 seconds after the last write, twice as
 * long after each further reversion, at most 10 minutes.
 */
export function nextWriteAt({ reversions, lastWriteTime }: RevertedWrite): number {
  const wait = SHORTEST_WAIT_MS * 2 ** Math.max(0, reversions - MANY_REVERSIONS);
  return writtenAt(lastWriteTime) + Math.min(wait, LONGEST_WAIT_MS);
}

/** When a write that nobody has reverted since counts as lasting, in milliseconds since the epoch. */
export function lastingAt({ lastWriteTime }: RevertedWrite): number {
  return writtenAt(lastWriteTime) + REVERSION_WINDOW_MS;
}

function writtenAt(time: string): number {
  return Date.parse(time) || 0;
}
