import type { Condition, ConditionType, ImageCredentialBindingStatus } from '../api/index.ts';
import type { Occurrence } from '../kube/index.ts';
import type { Decision, ScanPlan } from './decide.ts';
import { MOST_NAMES } from './scan-count.ts';

/** Events tell of changes alone: what status said before is what has been told. */
export function occurrencesOf(
  before: ImageCredentialBindingStatus | undefined,
  after: ImageCredentialBindingStatus,
  decision: Decision,
): readonly Occurrence[] {
  const events: Occurrence[] = [];
  const was = conditionOf(before, 'Ready');
  const is = conditionOf(after, 'Ready');
  if (
    is !== undefined &&
    (was?.status !== is.status || was.reason !== is.reason) &&
    is.reason !== 'Waiting'
  ) {
    const type = is.status === 'False' ? 'Warning' : 'Normal';
    events.push({ type, reason: is.reason, action: 'Reconcile', note: is.message });
  }
  if (before?.credential !== undefined && !sameCredential(before, after) && after.credential !== undefined) {
    const { secret, registryKey } = after.credential;
    const note = `scans now use entry ${JSON.stringify(registryKey)} of Secret ${secret.name}, before it was entry ${JSON.stringify(before.credential.registryKey)} of Secret ${before.credential.secret.name}`;
    events.push({ type: 'Normal', reason: 'CredentialChanged', action: 'Resolve', note });
  }
  const edits = decision.scans.filter((plan) => plan.plan === 'Edit');
  if (edits.length > 0 && events.length === 0) events.push(editsEvent(edits));
  return events;
}

function editsEvent(edits: readonly Extract<ScanPlan, { plan: 'Edit' }>[]): Occurrence {
  const bound = edits.filter(({ edit }) => edit.edit === 'Bind');
  const letGo = edits.filter(({ edit }) => edit.edit === 'LetGo');
  const parts = [
    ...(bound.length === 0 ? [] : [`bound ${names(bound)}`]),
    ...(letGo.length === 0 ? [] : [`let go of ${names(letGo)}`]),
  ];
  return {
    type: 'Normal',
    reason: bound.length > 0 ? 'ScansBound' : 'ScansLetGo',
    action: 'Bind',
    note: parts.join('; '),
  };
}

function names(edits: readonly Extract<ScanPlan, { plan: 'Edit' }>[]): string {
  const shown = edits.slice(0, MOST_NAMES).map(({ scan }) => scan.name);
  return edits.length > shown.length
    ? `${shown.join(', ')} and ${edits.length - shown.length} more`
    : shown.join(', ');
}

function sameCredential(a: ImageCredentialBindingStatus, b: ImageCredentialBindingStatus): boolean {
  return (
    a.credential?.secret.name === b.credential?.secret.name &&
    a.credential?.registryKey === b.credential?.registryKey
  );
}
function conditionOf(
  status: ImageCredentialBindingStatus | undefined,
  type: ConditionType,
): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}
