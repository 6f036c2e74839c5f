import { endHold, type RawScan, type Run, type ScanDecision } from '../../scan/index.ts';

/**
 * A hold ends after this time. It is promised to end within a minute: the rest is for the write, and for the clocks of the
 * API server and the controller, which may differ.
 */
export const LONGEST_HOLD_MS = 50_000;

/** How a hold ended, for metrics. `Edited`: another client has changed the Scan. `TimedOut`: no decision was possible in time. */
export type HoldResult = 'Bound' | 'Unbound' | 'Edited' | 'TimedOut';

/** What to do about a held Scan. */
export type HeldScanDecision =
  /** `instead`: what to write if the API server refuses the edits. */
  | { readonly act: 'End'; readonly result: HoldResult; readonly scan: RawScan; readonly instead: RawScan }
  /** `milliseconds`: when the hold ends; undefined: the Scan waits for a change. */
  | { readonly act: 'Wait'; readonly milliseconds: number | undefined };

/**
 * Decides on a held Scan.
 *
 * | the Scan | and the decision | then |
 * |---|---|---|
 * | was edited by another client | | end the hold, and change nothing else |
 * | was not edited | is made | write it, and end the hold in the same write |
 * | is held | is open | wait, at most {@link LONGEST_HOLD_MS}, then end the hold |
 * | was created suspended | is open | wait for a change |
 *
 * @param now - milliseconds since the epoch
 */
export function decideHeldScan(
  raw: RawScan,
  { createdAt, admission }: Pick<Run, 'createdAt' | 'admission'>,
  decision: ScanDecision,
  now: number,
): HeldScanDecision {
  const instead = endHold(raw);
  if (admission?.isEdited === true) return { act: 'End', result: 'Edited', scan: instead, instead };
  if (decision.result !== 'Open') {
    const result = decision.result === 'Bind' || decision.result === 'Bound' ? 'Bound' : 'Unbound';
    return { act: 'End', result, scan: endHold(raw, decision.scan), instead };
  }
  if (admission?.hold === 'Suspended') return { act: 'Wait', milliseconds: undefined };
  const milliseconds = createdAt + LONGEST_HOLD_MS - now;
  return milliseconds > 0
    ? { act: 'Wait', milliseconds }
    : { act: 'End', result: 'TimedOut', scan: instead, instead };
}
