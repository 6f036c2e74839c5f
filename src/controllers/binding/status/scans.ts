import type { ScansSummary } from '../../../api/index.ts';
import { formatReference } from '../../../image/index.ts';
import { isVerifying, type Resolution } from '../../../policy/index.ts';
import type { ScheduledScan } from '../../../scan/index.ts';
import { failureMessage } from '../../../text/index.ts';
import { type Applied, Refused } from '../apply.ts';
import type { Decision, ScanPlan } from '../decide.ts';

/** How many names a status, a message or an Event lists at most. */
const MOST_NAMES = 20;

/** How a scan stands to a binding, for status and messages. */
export interface ScanState {
  readonly name: string;
  readonly state: 'Bound' | 'Failing' | 'Waiting' | 'Other';
  /** Whether the binding's image, selector and the setting for scan types fit; not so for one that it lets go. */
  readonly matched: boolean;
  readonly reason: string | undefined;
}

/** Every scan that the binding has something to do with, but those that it has let go. */
export function countScans({ scans, resolution }: Decision, applied: Applied): readonly ScanState[] {
  return scans.map((plan) => countScan(plan, applied, resolution)).filter((count) => count !== undefined);
}

function countScan(plan: ScanPlan, applied: Applied, resolution: Resolution): ScanState | undefined {
  const { name } = plan.scan;
  const matched = !('edit' in plan) || plan.edit.edit === 'Bind';
  const count = (state: ScanState['state'], reason?: string) => ({ name, state, matched, reason });
  switch (plan.plan) {
    case 'Keep':
      return count('Bound', bindingNote(plan.scan));
    case 'Edit':
      return countEdit(plan, applied, count);
    case 'Wait':
      return count(
        'Waiting',
        `is to be ${matched ? 'bound' : 'let go'} when the run that is due has begun, in a minute at the latest`,
      );
    case 'Unbound':
      return isVerifying(resolution)
        ? count('Waiting', 'is bound when the registry has accepted a credential')
        : count('Failing', 'there is no credential to bind it to');
    case 'NotMigrated':
      return countUnmigrated(plan, count);
    case 'Yield':
      return count('Other', `served by ImageCredentialBinding ${plan.to}`);
    case 'Unreadable':
      return count('Failing', plan.problem);
    case 'Broken':
      return count('Failing', failureMessage('this ScheduledScan', plan.error));
    case 'Observe':
      return count('Other', 'would be bound in mode Enforce');
  }
}

type Count = (state: ScanState['state'], reason?: string) => ScanState;

function countEdit(
  { scan, edit }: Extract<ScanPlan, { plan: 'Edit' }>,
  { failed, secretRefused }: Applied,
  count: Count,
): ScanState | undefined {
  const failure = failed.get(scan.name);
  if (failure instanceof Refused) return count('Failing', failure.message);
  if (failure !== undefined)
    return count('Waiting', 'was written by someone else or not answered for, and is tried again');
  if (edit.edit === 'Unbind') return undefined;
  return secretRefused === undefined
    ? count('Bound', bindingNote(scan))
    : count('Failing', 'there is no Secret to mount');
}

function countUnmigrated(
  { because, question }: Extract<ScanPlan, { plan: 'NotMigrated' }>,
  count: Count,
): ScanState {
  const home = formatReference(question.image);
  switch (because) {
    case 'Ask':
      return count('Waiting', `is moved when the registry has ${home}, and it is being asked`);
    case 'Unconfirmed':
      return count(
        'Waiting',
        `is moved when the registry says that it has ${home}, and it cannot be asked now`,
      );
    case 'Stay':
      return count('Failing', `is not moved, for the registry does not show ${home}`);
  }
}

/** Credentials in a scan's parameters come before ours: they are reported, and left alone. */
function bindingNote(scan: ScheduledScan): string | undefined {
  if (!scan.credentialParameters) return undefined;
  return 'bound, but its parameters hold a credential, which Trivy prefers: remove it from them';
}

/** The counts of a status, and the names of at most 20 scans, those that fail first. */
export function summarizeScans(scans: readonly ScanState[]): ScansSummary {
  const order = ['Failing', 'Waiting', 'Other', 'Bound'];
  const sorted = scans.toSorted(
    (a, b) => order.indexOf(a.state) - order.indexOf(b.state) || (a.name < b.name ? -1 : 1),
  );
  const count = (state: ScanState['state']) => scans.filter((scan) => scan.state === state).length;
  return {
    matched: scans.filter(({ matched }) => matched).length,
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

/** Names of at most 20 scans, with the first one's reason. */
export function listed(scans: readonly ScanState[]): string {
  const [first] = scans;
  const reason = first?.reason === undefined ? '' : ` (${first.reason})`;
  return `${namesOf(scans)}${reason}`;
}

/** At most 20 names, and how many there are besides. */
export function namesOf(scans: readonly { readonly name: string }[]): string {
  const names = scans.slice(0, MOST_NAMES).map(({ name }) => name);
  const rest = scans.length - names.length;
  return rest > 0 ? `${names.join(', ')} and ${rest} more` : names.join(', ');
}
