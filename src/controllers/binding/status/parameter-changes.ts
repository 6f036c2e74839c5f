import type { ParameterChange } from '../../../api/index.ts';
import { formatReference } from '../../../image/index.ts';
import { compareText } from '../../../text/index.ts';
import type { Decision, ScanPlan } from '../decide.ts';

/** Limit on the changes in status. */
const MOST_CHANGES = 20;

type AtCreation = Extract<ScanPlan, { plan: 'AtCreation' }>;

/** The changes that users have to make themselves in the source of ScheduledScans that the controller does not write. */
export function parameterChanges({ scans }: Pick<Decision, 'scans'>): readonly ParameterChange[] {
  return scans
    .filter((plan) => plan.plan === 'AtCreation')
    .flatMap((plan) => parameterChange(plan) ?? [])
    .sort((a, b) => compareText(a.scheduledScan, b.scheduledScan))
    .slice(0, MOST_CHANGES);
}

/** undefined: the scan names the image that its Scans get. */
export function parameterChange({ scan, image }: AtCreation): ParameterChange | undefined {
  if (image === undefined || scan.image === undefined) return undefined;
  return {
    scheduledScan: scan.name,
    parameter: scan.imageIndex,
    from: formatReference(scan.image),
    to: formatReference(image),
  };
}

/** Whether two changes are the same. */
export function isSameChange(a: ParameterChange, b: ParameterChange): boolean {
  return a.scheduledScan === b.scheduledScan && a.from === b.from && a.to === b.to;
}
