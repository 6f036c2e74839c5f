import type {
  ChosenCredential,
  Condition,
  ConditionType,
  ImageCredentialBindingStatus,
} from '../api/index.ts';
import type { Occurrence } from '../kube/index.ts';
import type { Applied } from './apply.ts';
import type { Decision, ScanPlan } from './decide.ts';
import { type CredentialChange, credentialChange } from './history.ts';
import { namesOf } from './scan-count.ts';
import { nameOf } from './verified-finding.ts';

/** Reasons of Ready that are soon over: they are not worth an Event. */
const PASSING: ReadonlySet<string> = new Set(['Waiting', 'Verifying']);

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
  if (is === undefined || PASSING.has(is.reason)) return [];
  if (was?.status === is.status && was.reason === is.reason) return [];
  const type = is.status === 'False' ? 'Warning' : 'Normal';
  return [{ type, reason: is.reason, action: 'Reconcile', note: is.message }];
}

function credentialOccurrence(
  before: ImageCredentialBindingStatus | undefined,
  after: ImageCredentialBindingStatus,
): readonly Occurrence[] {
  const change = credentialChange(before, after);
  if (change === undefined) return [];
  const { from, to } = change;
  const code = from.use === 'Credential' ? refusalOf(from.credential, after) : undefined;
  const why = code === undefined ? '' : `, which the registry refuses (HTTP ${code})`;
  const note = `scans use ${described(to)} now, before it was ${described(from)}${why}`;
  const type = code === undefined ? 'Normal' : 'Warning';
  return [{ type, reason: 'CredentialChanged', action: 'Resolve', note }];
}

function described(side: CredentialChange['to']): string {
  if (side.use === 'None') return 'no credential';
  const { secret, registryKey } = side.credential;
  return nameOf({ secret: secret.name, registryKey });
}

/** The HTTP status with which the registry refuses a credential. */
function refusalOf(
  { secret, registryKey }: ChosenCredential,
  { candidates }: ImageCredentialBindingStatus,
): number | undefined {
  const listed = candidates?.find((one) => one.secret === secret.name && one.registryKey === registryKey);
  return listed?.result === 'Refused' ? listed.httpCode : undefined;
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
