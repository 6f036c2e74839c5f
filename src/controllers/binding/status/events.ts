import type { ChosenCredential, EventReason, ImageCredentialBindingStatus } from '../../../api/index.ts';
import { conditionOf } from '../../../api/index.ts';
import type { Binding } from '../../../binding/index.ts';
import { repositoryName } from '../../../image/index.ts';
import type { EventContent } from '../../../kube/index.ts';
import { namesPreviousImage } from '../../../policy/index.ts';
import type { ScanEdit, ScheduledScan } from '../../../scan/index.ts';
import { describeCandidate } from '../../../secret/index.ts';
import type { Applied } from '../apply.ts';
import type { Decision } from '../decide.ts';
import { type CredentialChange, credentialChange } from './history.ts';
import { migrationReason, type ScanMigration } from './migrations.ts';
import { namesOf } from './scans.ts';

/** Reasons of Ready that are soon over: they are not worth an Event. */
const PASSING: ReadonlySet<string> = new Set(['Waiting', 'Verifying']);

/** Events tell of changes alone: what status said before is what has been told, and what was written was done. */
export function bindingEvents(
  binding: Binding,
  after: ImageCredentialBindingStatus,
  decision: Decision,
  applied: Applied,
): readonly EventContent[] {
  const before = binding.status;
  const events = [...readyEvent(before, after), ...credentialEvent(before, after)];
  const left = leftBehindEvent(binding, decision, applied);
  return [...(events.length > 0 ? events : editEvents(decision, applied)), ...left];
}

/** One for each place that scans were moved from. */
export function migrationEvents(
  binding: Binding,
  migrations: readonly ScanMigration[],
): readonly EventContent<EventReason>[] {
  if (binding.validity === 'Invalid') return [];
  const to = repositoryName(binding.image);
  return migrations.map((migration) => ({
    type: 'Normal',
    reason: migrationReason(migration, binding),
    action: 'Move',
    note: `moved ${namesOf(migration.scans)} from ${repositoryName(migration.from)} to ${to}, with the credential for it`,
  }));
}

/** The Event about the condition Ready; none if the condition has not changed. */
export function readyEvent(
  before: ImageCredentialBindingStatus | undefined,
  after: ImageCredentialBindingStatus,
): readonly EventContent[] {
  const was = conditionOf(before, 'Ready');
  const is = conditionOf(after, 'Ready');
  if (is === undefined || PASSING.has(is.reason)) return [];
  if (was?.status === is.status && was.reason === is.reason) return [];
  const type = is.status === 'False' || is.reason === 'ExpiresSoon' ? 'Warning' : 'Normal';
  return [{ type, reason: is.reason, action: 'Reconcile', note: is.message }];
}

function credentialEvent(
  before: ImageCredentialBindingStatus | undefined,
  after: ImageCredentialBindingStatus,
): readonly EventContent<EventReason>[] {
  const change = credentialChange(before, after);
  if (change === undefined) return [];
  const { from, to } = change;
  const fault = from.use === 'Credential' ? refusalOf(from.credential, after) : undefined;
  const why = fault === undefined ? '' : `, which ${fault}`;
  const note = `scans use ${described(to)} now, before it was ${described(from)}${why}`;
  const type = fault === undefined ? 'Normal' : 'Warning';
  return [{ type, reason: 'CredentialChanged', action: 'Resolve', note }];
}

function described(side: CredentialChange['to']): string {
  if (side.use === 'None') return 'no credential';
  const { secret, registryKey } = side.credential;
  return describeCandidate({ secret: secret.name, registryKey });
}

/** Why a credential is not used any more; undefined: nothing is wrong with it. */
function refusalOf(
  { secret, registryKey }: ChosenCredential,
  { candidates }: ImageCredentialBindingStatus,
): string | undefined {
  const listed = candidates?.find((one) => one.secret === secret.name && one.registryKey === registryKey);
  if (listed?.result !== 'Refused') return undefined;
  return listed.httpCode === undefined ? 'has ended' : `the registry refuses (HTTP ${listed.httpCode})`;
}

function editEvents(decision: Decision, applied: Applied): readonly EventContent<EventReason>[] {
  const bound = editedBy('Bind', decision, applied);
  const unbound = editedBy('Unbind', decision, applied);
  return [
    ...(bound.length === 0 ? [] : [scansEvent('ScansBound', `bound ${namesOf(bound)}`)]),
    ...(unbound.length === 0 ? [] : [scansEvent('ScansLetGo', `let go of ${namesOf(unbound)}`)]),
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
function leftBehindEvent(
  binding: Binding,
  decision: Decision,
  applied: Applied,
): readonly EventContent<EventReason>[] {
  if (binding.validity === 'Invalid') return [];
  const left = editedBy('Unbind', decision, applied).filter((scan) => namesPreviousImage(binding, scan));
  if (left.length === 0) return [];
  const homes = [...new Set(left.map(({ bound }) => bound?.repository))].join(', ');
  const note = `${namesOf(left)} named another image; to move such scans, add ${homes} to spec.replaces`;
  return [{ type: 'Warning', reason: 'ScansLeftBehind', action: 'Bind', note }];
}

function scansEvent(reason: 'ScansBound' | 'ScansLetGo', note: string): EventContent<EventReason> {
  return { type: 'Normal', reason, action: 'Bind', note };
}
