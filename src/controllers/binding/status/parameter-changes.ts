import type { ImageCredentialBindingStatus, ParameterChange } from '../../../api/index.ts';
import { formatReference } from '../../../image/index.ts';
import { compareText } from '../../../text/index.ts';
import type { Decision, ScanPlan } from '../decide.ts';

/** Limit on the changes in status. */
const MOST_CHANGES = 20;

type AtCreation = Extract<ScanPlan, { plan: 'AtCreation' }>;

/**
 * The changes that users have to make themselves in the source of ScheduledScans that the controller does not write. Keeps a change
 * in status while it is not known again whether the new Scans are migrated, so that a restart does not report it twice.
 */
export function parameterChanges(
  { scans }: Pick<Decision, 'scans'>,
  status: ImageCredentialBindingStatus | undefined,
): readonly ParameterChange[] {
  const reported = new Map(status?.parameterChanges?.map((change) => [change.scheduledScan, change]));
  return scans
    .flatMap((plan) => changeOf(plan, reported.get(plan.scan.name)) ?? [])
    .sort((a, b) => compareText(a.scheduledScan, b.scheduledScan))
    .slice(0, MOST_CHANGES);
}

function changeOf(plan: ScanPlan, reported: ParameterChange | undefined): ParameterChange | undefined {
  if (plan.plan === 'AtCreation') return parameterChange(plan);
  const isOpen = plan.plan === 'Unbound' || (plan.plan === 'NotMigrated' && plan.decision !== 'Stay');
  const { image } = plan.scan;
  const isSame = image !== undefined && reported?.from === formatReference(image);
  return isOpen && isSame ? reported : undefined;
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
