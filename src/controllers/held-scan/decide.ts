import {
  endHold,
  type Hold,
  lengthenHold,
  type NewScanPlan,
  type RawScan,
  type Run,
  type ScanDecision,
} from '../../scan/index.ts';

/**
 * A hold ends after this time, in milliseconds. The documentation promises a minute. The rest is for the write, and for the
 * clocks of the API server and the controller, which may differ.
 */
export const LONGEST_HOLD_MS = 50_000;
/** The same for a Scan that gets a Secret of its own, because without the Secret, it would start without any credential. */
const LONGEST_WAIT_MS = 600_000;

const LIMITS: ReadonlyMap<Hold, number> = new Map([
  ['Held', LONGEST_HOLD_MS],
  ['AwaitsSecret', LONGEST_WAIT_MS],
]);

/**
 * How long a Scan that gets nothing stays held, in milliseconds after its creation. The replica that held it knew an effective
 * binding, or a Secret, that the watches of this process may deliver later. Times of creation are whole seconds.
 */
export const SETTLE_MS = 3_000;

/** How a hold ended, for metrics. `Edited`: another client has changed the Scan. `TimedOut`: no decision was possible in time. */
export type HoldResult = 'Bound' | 'Unbound' | 'Edited' | 'TimedOut';

type HeldRun = Pick<Run, 'createdAt' | 'admission'>;

/** What to do about a held Scan. */
export type HeldScanDecision =
  /** `instead`: what to write if the API server refuses the edits. */
  | { readonly act: 'End'; readonly result: HoldResult; readonly scan: RawScan; readonly instead: RawScan }
  /** The Scan may wait longer, and stays held. */
  | { readonly act: 'Lengthen'; readonly scan: RawScan }
  /** `milliseconds`: when to decide again; undefined: the Scan waits for a change. */
  | { readonly act: 'Wait'; readonly milliseconds: number | undefined };

/**
 * Decides on a held Scan. {@link holdLeft} ends a hold whose decision stays open.
 *
 * | the Scan | and the decision | then |
 * |---|---|---|
 * | was edited by another client | | end the hold, and change nothing else |
 * | was not edited | is that it gets something | write it, and end the hold in the same write |
 * | was not edited | is that it gets nothing | wait for {@link SETTLE_MS}, then end the hold |
 * | was not edited | is open | wait for a change |
 * | was not edited | is open, and it now gets a Secret of its own | let it wait longer |
 *
 * A hold is never shortened: a user who changes the delivery may be about to repair the binding.
 *
 * @param now - milliseconds since the epoch
 */
export function decideHeldScan(
  raw: RawScan,
  run: HeldRun,
  decision: ScanDecision,
  now: number,
): HeldScanDecision {
  const wait = waitOf(run, decision, now);
  if (wait !== undefined) return wait;
  const instead = endHold(raw);
  if (run.admission?.isEdited === true) return { act: 'End', result: 'Edited', scan: instead, instead };
  if (decision.result === 'Open') return { act: 'Lengthen', scan: lengthenHold(raw) };
  return { act: 'End', result: resultOf(decision), scan: endHold(raw, decision.scan), instead };
}

/**
 * The wait of a Scan that is not written now; undefined: it may have to be written. Needs only what the stores hold, so that no
 * Scan is read in vain.
 */
export function waitOf(
  { createdAt, admission }: HeldRun,
  planned: NewScanPlan | ScanDecision,
  now: number,
): Extract<HeldScanDecision, { act: 'Wait' }> | undefined {
  if (admission?.isEdited === true) return undefined;
  if (planned.result === 'Open') {
    const isLengthened = planned.awaitsSecret && admission?.hold === 'Held';
    return isLengthened ? undefined : { act: 'Wait', milliseconds: undefined };
  }
  const milliseconds = resultOf(planned) === 'Bound' ? 0 : createdAt + SETTLE_MS - now;
  return milliseconds > 0 ? { act: 'Wait', milliseconds } : undefined;
}

function resultOf({ result }: Pick<NewScanPlan, 'result'>): 'Bound' | 'Unbound' {
  return result === 'Bind' || result === 'Bound' ? 'Bound' : 'Unbound';
}

/**
 * How many milliseconds a Scan may still be held; undefined: it is not held. A Scan that a user has created suspended has no
 * such limit.
 */
export function holdLeft({ createdAt, admission }: HeldRun, now: number): number | undefined {
  const limit = LIMITS.get(admission?.hold ?? 'None');
  return limit === undefined ? undefined : createdAt + limit - now;
}
