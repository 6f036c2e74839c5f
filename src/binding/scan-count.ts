import type { ScansSummary } from '../api/index.ts';
import type { Outcomes } from './apply.ts';
import type { Decision, ScanPlan } from './decide.ts';

/** How many names a status, a message or an Event lists at most. */
export const MOST_NAMES = 20;

/** How a scan stands to a binding, for status and messages. */
export interface ScanCount {
  readonly name: string;
  readonly standing: 'Bound' | 'Failing' | 'Waiting' | 'Other';
  readonly reason: string | undefined;
}

export function countScans({ scans }: Decision, outcomes: Outcomes): readonly ScanCount[] {
  return scans
    .map((plan) => countScan(plan, outcomes.scans.get(plan.scan.name)?.message))
    .filter((count) => count !== undefined);
}

function countScan(plan: ScanPlan, failure: string | undefined): ScanCount | undefined {
  const { name } = plan.scan;
  if (failure !== undefined) return { name, standing: 'Failing', reason: failure };
  switch (plan.plan) {
    case 'Keep':
      return { name, standing: 'Bound', reason: undefined };
    case 'Edit':
      return plan.edit.edit === 'Bind' ? { name, standing: 'Bound', reason: undefined } : undefined;
    case 'Wait':
      return { name, standing: 'Waiting', reason: 'waits until the run that is due has begun' };
    case 'Unbound':
      return { name, standing: 'Failing', reason: 'there is no credential to bind it to' };
    case 'ServedByAnother':
      return { name, standing: 'Other', reason: `served by ImageCredentialBinding ${plan.by}` };
    case 'Observe':
      return { name, standing: 'Other', reason: 'would be bound in mode Enforce' };
  }
}

export function summarizeScans(scans: readonly ScanCount[]): ScansSummary {
  const order = ['Failing', 'Waiting', 'Other', 'Bound'];
  const sorted = scans.toSorted(
    (a, b) => order.indexOf(a.standing) - order.indexOf(b.standing) || (a.name < b.name ? -1 : 1),
  );
  const count = (standing: ScanCount['standing']) =>
    scans.filter((scan) => scan.standing === standing).length;
  return {
    matched: scans.length,
    bound: count('Bound'),
    failing: count('Failing'),
    names: sorted
      .slice(0, MOST_NAMES)
      .map(({ name, reason }) => (reason === undefined ? { name } : { name, reason: reason.slice(0, 1024) })),
  };
}

export function counted(scans: number): string {
  return scans === 1 ? '1 scan' : `${scans} scans`;
}

export function listed(scans: readonly ScanCount[]): string {
  const [first] = scans;
  const names = scans.slice(0, MOST_NAMES).map(({ name }) => name);
  const rest = scans.length > names.length ? ` and ${scans.length - names.length} more` : '';
  return `${names.join(', ')}${rest}${first?.reason === undefined ? '' : ` (${first.reason})`}`;
}
