import type { RevertedWrite } from '../../../api/index.ts';
import type { Binding } from '../../../binding/index.ts';
import {
  lastingAt,
  MANY_REVERSIONS,
  MOST_REVERSIONS,
  MOST_REVERTED_WRITES,
  revertedWriteOf,
} from '../../../policy/index.ts';
import type { ScheduledScan } from '../../../scan/index.ts';
import { compareText, timestamp } from '../../../text/index.ts';
import type { Applied } from '../apply.ts';
import type { Decision, ScanPlan } from '../decide.ts';

interface Facts {
  readonly decision: Pick<Decision, 'scans'>;
  readonly applied: Pick<Applied, 'written' | 'reversions'>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * The scans whose binding another field manager reverts again and again. An entry stays until a write has lasted for ten
 * minutes, or the scan changes hands.
 */
export function revertedWrites(
  binding: Pick<Binding, 'status'>,
  { decision, applied, now }: Facts,
): readonly RevertedWrite[] {
  return decision.scans
    .flatMap((plan) => {
      const { scan } = plan;
      const before = revertedWriteOf(binding, scan);
      const isWritten = applied.written.has(scan.name) && plan.plan === 'Edit' && plan.edit.edit === 'Bind';
      if (isWritten)
        return afterWrite(scan, before, { reversions: applied.reversions.get(scan.name) ?? 0, now });
      return before === undefined || hasLasted(plan, before, now) ? [] : [before];
    })
    .sort((a, b) => compareText(a.scheduledScan, b.scheduledScan))
    .slice(0, MOST_REVERTED_WRITES);
}

function hasLasted({ plan }: ScanPlan, before: RevertedWrite, now: number): boolean {
  return plan === 'Keep' && now >= lastingAt(before);
}

function afterWrite(
  { name, fieldManagers }: ScheduledScan,
  before: RevertedWrite | undefined,
  { reversions, now }: { readonly reversions: number; readonly now: number },
): readonly RevertedWrite[] {
  const fieldManager = fieldManagers[0] ?? before?.fieldManager;
  const count = before === undefined ? reversions : before.reversions + 1;
  if (fieldManager === undefined || count < MANY_REVERSIONS) return [];
  return [
    {
      scheduledScan: name,
      fieldManager,
      reversions: Math.min(count, MOST_REVERSIONS),
      lastWriteTime: timestamp(now),
    },
  ];
}

/** Why a scan whose binding is reverted again and again is not bound, as the predicate of a sentence about it. */
export function revertedReason({ fieldManager, lastWriteTime }: RevertedWrite): string {
  return `field manager ${fieldManager} reverts its binding again and again; the last write was at ${lastWriteTime}`;
}
