import type {
  ChosenCredential,
  Condition,
  ConditionType,
  EventReason,
  ImageCredentialBindingStatus,
} from '../../../api/index.ts';
import type { Binding } from '../../../binding/index.ts';
import { repositoryName } from '../../../image/index.ts';
import type { Occurrence } from '../../../kube/index.ts';
import { isLeft } from '../../../policy/index.ts';
import type { ScanEdit, ScheduledScan } from '../../../scan/index.ts';
import type { Applied } from '../apply.ts';
import type { Decision } from '../decide.ts';
import { type CredentialChange, credentialChange, type Move, moveReason } from './history.ts';
import { namesOf } from './scans.ts';
import { nameOf } from './verified-condition.ts';

/** Reasons of Ready that are soon over: they are not worth an Event. */
const PASSING: ReadonlySet<string> = new Set(['Waiting', 'Verifying']);

/** Events tell of changes alone: what status said before is what has been told, and what was written was done. */
export function occurrencesOf(
  binding: Binding,
  after: ImageCredentialBindingStatus,
  decision: Decision,
  applied: Applied,
): readonly Occurrence[] {
  const before = binding.status;
  const events = [...readyOccurrence(before, after), ...credentialOccurrence(before, after)];
  const left = leftOccurrence(binding, decision, applied);
  return [...(events.length > 0 ? events : editsOccurrence(decision, applied)), ...left];
}

/** One for each place that scans were moved from. */
export function moveOccurrences(
  binding: Binding,
  moves: readonly Move[],
): readonly Occurrence<EventReason>[] {
  if (binding.validity === 'Invalid') return [];
  const to = repositoryName(binding.image);
  return moves.map((move) => ({
    type: 'Normal',
    reason: moveReason(move, binding),
    action: 'Move',
    note: `moved ${namesOf(move.scans)} from ${repositoryName(move.from)} to ${to}, with the credential for it`,
  }));
}

/** The Event about the condition Ready; none if the condition has not changed. */
export function readyOccurrence(
  before: ImageCredentialBindingStatus | undefined,
  after: ImageCredentialBindingStatus,
): readonly Occurrence[] {
  const was = conditionOf(before, 'Ready');
  const is = conditionOf(after, 'Ready');
  if (is === undefined || PASSING.has(is.reason)) return [];
  if (was?.status === is.status && was.reason === is.reason) return [];
  const type = is.status === 'False' || is.reason === 'ExpiresSoon' ? 'Warning' : 'Normal';
  return [{ type, reason: is.reason, action: 'Reconcile', note: is.message }];
}

function credentialOccurrence(
  before: ImageCredentialBindingStatus | undefined,
  after: ImageCredentialBindingStatus,
): readonly Occurrence<EventReason>[] {
  const change = credentialChange(before, after);
  if (change === undefined) return [];
  const { from, to } = change;
  const fault = from.use === 'Credential' ? faultOf(from.credential, after) : undefined;
  const why = fault === undefined ? '' : `, which ${fault}`;
  const note = `scans use ${described(to)} now, before it was ${described(from)}${why}`;
  const type = fault === undefined ? 'Normal' : 'Warning';
  return [{ type, reason: 'CredentialChanged', action: 'Resolve', note }];
}

function described(side: CredentialChange['to']): string {
  if (side.use === 'None') return 'no credential';
  const { secret, registryKey } = side.credential;
  return nameOf({ secret: secret.name, registryKey });
}

/** Why a credential is not used any more; undefined: nothing is wrong with it. */
function faultOf(
  { secret, registryKey }: ChosenCredential,
  { candidates }: ImageCredentialBindingStatus,
): string | undefined {
  const listed = candidates?.find((one) => one.secret === secret.name && one.registryKey === registryKey);
  if (listed?.result !== 'Refused') return undefined;
  return listed.httpCode === undefined ? 'has ended' : `the registry refuses (HTTP ${listed.httpCode})`;
}

function editsOccurrence(decision: Decision, applied: Applied): readonly Occurrence<EventReason>[] {
  const bound = editedBy('Bind', decision, applied);
  const letGo = editedBy('LetGo', decision, applied);
  return [
    ...(bound.length === 0 ? [] : [scansOccurrence('ScansBound', `bound ${namesOf(bound)}`)]),
    ...(letGo.length === 0 ? [] : [scansOccurrence('ScansLetGo', `let go of ${namesOf(letGo)}`)]),
  ];
}

/** The scans that were written, but those that were moved. */
function editedBy(
  edit: ScanEdit['edit'],
  { scans }: Decision,
  { written }: Applied,
): readonly ScheduledScan[] {
  return scans
    .filter((plan) => plan.plan === 'Edit' && plan.edit.edit === edit)
    .filter((plan) => !('edit' in plan && plan.edit.edit === 'Bind' && plan.edit.image !== undefined))
    .map(({ scan }) => scan)
    .filter(({ name }) => written.has(name));
}

/** Scans that a changed `spec.image` has left behind, and what would move them. */
function leftOccurrence(
  binding: Binding,
  decision: Decision,
  applied: Applied,
): readonly Occurrence<EventReason>[] {
  if (binding.validity === 'Invalid') return [];
  const left = editedBy('LetGo', decision, applied).filter((scan) => isLeft(binding, scan));
  if (left.length === 0) return [];
  const homes = [...new Set(left.map(({ bound }) => bound?.repository))].join(', ');
  const note = `${namesOf(left)} named another image; to move such scans, add ${homes} to spec.replaces`;
  return [{ type: 'Warning', reason: 'ScansLeftBehind', action: 'Bind', note }];
}

function scansOccurrence(reason: 'ScansBound' | 'ScansLetGo', note: string): Occurrence<EventReason> {
  return { type: 'Normal', reason, action: 'Bind', note };
}

function conditionOf(
  status: ImageCredentialBindingStatus | undefined,
  type: ConditionType,
): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}
