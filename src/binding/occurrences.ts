import type { Condition, ConditionType, ImageCredentialBindingStatus } from '../api/index.ts';
import type { Occurrence } from '../kube/index.ts';
import type { Applied } from './apply.ts';
import type { Decision, ScanPlan } from './decide.ts';
import { namesOf } from './scan-count.ts';

/** Events tell of changes alone: what status said before is what has been told, and what was written was done. */
export function occurrencesOf(
  before: ImageCredentialBindingStatus | undefined,
  after: ImageCredentialBindingStatus,
  decision: Decision,
  applied: Applied,
): readonly Occurrence[] {
  const events = [...readyOccurrence(before, after), ...credentialOccurrence(before, after)];
  return events.length > 0 ? events : editsOccurrence(decision, applied);
}

function readyOccurrence(
  before: ImageCredentialBindingStatus | undefined,
  after: ImageCredentialBindingStatus,
): readonly Occurrence[] {
  const was = conditionOf(before, 'Ready');
  const is = conditionOf(after, 'Ready');
  if (is === undefined || is.reason === 'Waiting') return [];
  if (was?.status === is.status && was.reason === is.reason) return [];
  const type = is.status === 'False' ? 'Warning' : 'Normal';
  return [{ type, reason: is.reason, action: 'Reconcile', note: is.message }];
}

function credentialOccurrence(
  before: ImageCredentialBindingStatus | undefined,
  after: ImageCredentialBindingStatus,
): readonly Occurrence[] {
  const was = before?.credential;
  const is = after.credential;
  if (was === undefined || is === undefined) return [];
  if (was.secret.name === is.secret.name && was.registryKey === is.registryKey) return [];
  const name = (credential: typeof is) =>
    `entry ${JSON.stringify(credential.registryKey)} of Secret ${credential.secret.name}`;
  const note = `${name(is)} is selected now, before it was ${name(was)}`;
  return [{ type: 'Normal', reason: 'CredentialChanged', action: 'Resolve', note }];
}

function editsOccurrence({ scans }: Decision, { written }: Applied): readonly Occurrence[] {
  const edits = scans.filter((plan) => plan.plan === 'Edit' && written.has(plan.scan.name));
  const named = (edit: 'Bind' | 'LetGo') =>
    edits.filter((plan: ScanPlan) => 'edit' in plan && plan.edit.edit === edit).map(({ scan }) => scan);
  const bound = named('Bind');
  const letGo = named('LetGo');
  return [
    ...(bound.length === 0 ? [] : [scansOccurrence('ScansBound', `bound ${namesOf(bound)}`)]),
    ...(letGo.length === 0 ? [] : [scansOccurrence('ScansLetGo', `let go of ${namesOf(letGo)}`)]),
  ];
}

function scansOccurrence(reason: 'ScansBound' | 'ScansLetGo', note: string): Occurrence {
  return { type: 'Normal', reason, action: 'Bind', note };
}

function conditionOf(
  status: ImageCredentialBindingStatus | undefined,
  type: ConditionType,
): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}
