import { type AwaitedScan, type NoRun, noRun, type ScheduledScan } from '../../../scan/index.ts';
import { quoted, timestamp } from '../../../text/index.ts';

/**
 * What to report about the runs of a bound scan, as clauses about it. The times in them are fixed, so that the passing of
 * time alone does not change the status.
 *
 * @param awaited - the Scan that delays the requested run; undefined: none does
 */
export function runNotes(scan: ScheduledScan, awaited: AwaitedScan | undefined): readonly string[] {
  const { schedule, concurrencyPolicy } = scan;
  const none = noRun(schedule);
  return [
    ...(none === undefined ? [] : [noRunNote(none)]),
    ...(awaited === undefined ? [] : [awaitedNote(awaited, concurrencyPolicy)]),
  ];
}

function noRunNote({ reason, field, text }: NoRun): string {
  const value = `spec.${field} ${quoted(text)}`;
  return reason === 'Refused'
    ? `it never runs, because secureCodeBox refuses ${value}: correct it`
    : `it does not run again, because ${value} has no date in the next five years: correct it`;
}

function awaitedNote(
  { name, createdAt, until }: AwaitedScan,
  policy: ScheduledScan['concurrencyPolicy'],
): string {
  const waits = `its requested run waits for Scan ${name}, which was created at ${timestamp(createdAt)} and has not ended`;
  return until === undefined
    ? `${waits}, because spec.concurrencyPolicy is ${policy}: delete that Scan if it makes no progress`
    : `${waits}; the run starts when that Scan ends, or at ${timestamp(until)}`;
}
