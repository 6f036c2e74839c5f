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

/** Reasons of Ready that end soon, so that they cause no Event. */
const TRANSIENT: ReadonlySet<string> = new Set(['Waiting', 'Verifying']);

/** The Events about what has changed since the previous status, and about scans that were written. */
export function bindingEvents(
  binding: Binding,
  after: ImageCredentialBindingStatus,
  decision: Decision,
  applied: Applied,
): readonly EventContent[] {
  const before = binding.status;
  const events = [...readyEvent(before, after), ...credentialEvent(before, after)];
  const notMigrated = notMigratedEvent(binding, decision, applied);
  return [...(events.length > 0 ? events : editEvents(decision, applied)), ...notMigrated];
}

/** One Event for each previous repository from which scans were migrated. */
export function migrationEvents(
  binding: Binding,
  migrations: readonly ScanMigration[],
): readonly EventContent<EventReason>[] {
  if (binding.validity === 'Invalid') return [];
  const to = repositoryName(binding.image);
  return migrations.map((migration) => ({
    type: 'Normal',
    reason: migrationReason(migration, binding),
    action: 'Migrate',
    note: migrationNote(migration, to),
  }));
}

function migrationNote({ how, from, scans }: ScanMigration, to: string): string {
  const previous = repositoryName(from);
  return how === 'Written'
    ? `migrated ${namesOf(scans)} from ${previous} to ${to}, with the credential for it`
    : `new Scans of ${namesOf(scans)} use ${to} instead of ${previous}, with the credential for it; status.parameterChanges lists ` +
        'the parameters to change in the source of the ScheduledScans';
}

/** The Event about the condition Ready; none if the condition has not changed. */
export function readyEvent(
  before: ImageCredentialBindingStatus | undefined,
  after: ImageCredentialBindingStatus,
): readonly EventContent[] {
  const previous = conditionOf(before, 'Ready');
  const ready = conditionOf(after, 'Ready');
  if (ready === undefined || TRANSIENT.has(ready.reason)) return [];
  if (previous?.status === ready.status && previous.reason === ready.reason) return [];
  const type = ready.status === 'False' || ready.reason === 'ExpiresSoon' ? 'Warning' : 'Normal';
  return [{ type, reason: ready.reason, action: 'Reconcile', note: ready.message }];
}

function credentialEvent(
  before: ImageCredentialBindingStatus | undefined,
  after: ImageCredentialBindingStatus,
): readonly EventContent<EventReason>[] {
  const change = credentialChange(before, after);
  if (change === undefined) return [];
  const { from, to } = change;
  const refusal = from.use === 'Credential' ? refusalOf(from.credential, after) : undefined;
  const why = refusal === undefined ? '' : `, which ${refusal}`;
  const note = `scans now use ${described(to)} instead of ${described(from)}${why}`;
  const type = refusal === undefined ? 'Normal' : 'Warning';
  return [{ type, reason: 'CredentialChanged', action: 'Resolve', note }];
}

function described(side: CredentialChange['to']): string {
  if (side.use === 'None') return 'no credential';
  const { secret, registryKey } = side.credential;
  return describeCandidate({ secret: secret.name, registryKey });
}

/** Why a credential is not used any more; undefined: it was neither refused nor has it expired. */
function refusalOf(
  { secret, registryKey }: ChosenCredential,
  { candidates }: ImageCredentialBindingStatus,
): string | undefined {
  const listed = candidates?.find((one) => one.secret === secret.name && one.registryKey === registryKey);
  if (listed?.result !== 'Refused') return undefined;
  return listed.httpCode === undefined ? 'has expired' : `the registry refuses (HTTP ${listed.httpCode})`;
}

function editEvents(decision: Decision, applied: Applied): readonly EventContent<EventReason>[] {
  const bound = editedBy('Bind', decision, applied);
  const unbound = editedBy('Unbind', decision, applied);
  return [
    ...(bound.length === 0 ? [] : [scansEvent('ScansBound', `bound ${namesOf(bound)}`)]),
    ...(unbound.length === 0 ? [] : [scansEvent('ScansUnbound', `unbound ${namesOf(unbound)}`)]),
  ];
}

/** The scans that were written with this edit, except those that were migrated. */
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

/** The Event about scans that were unbound because `spec.image` changed, with the `replaces` that would migrate them. */
function notMigratedEvent(
  binding: Binding,
  decision: Decision,
  applied: Applied,
): readonly EventContent<EventReason>[] {
  if (binding.validity === 'Invalid') return [];
  const scans = editedBy('Unbind', decision, applied).filter((scan) => namesPreviousImage(binding, scan));
  if (scans.length === 0) return [];
  const repositories = [...new Set(scans.map(({ bound }) => bound?.repository))].join(', ');
  const note = `unbound ${namesOf(scans)} because spec.image has changed; to migrate these scans, add ${repositories} to spec.replaces`;
  return [{ type: 'Warning', reason: 'ScansNotMigrated', action: 'Bind', note }];
}

function scansEvent(reason: 'ScansBound' | 'ScansUnbound', note: string): EventContent<EventReason> {
  return { type: 'Normal', reason, action: 'Bind', note };
}
