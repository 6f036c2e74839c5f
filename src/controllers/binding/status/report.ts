import { isDeepStrictEqual } from 'node:util';
import type { Condition, ImageCredentialBindingStatus } from '../../../api/index.ts';
import type { Binding, ValidBinding } from '../../../binding/index.ts';
import { repositoryName } from '../../../image/index.ts';
import type { EventContent } from '../../../kube/index.ts';
import { platformOf, publicUsername } from '../../../platform/index.ts';
import { chosenCandidate, expirationInUse, expirationTime, nextMigration } from '../../../policy/index.ts';
import type { Candidate } from '../../../secret/index.ts';
import { failureMessage, timestamp } from '../../../text/index.ts';
import type { Applied } from '../apply.ts';
import type { Decision } from '../decide.ts';
import { deliveryOf, type Resolved, sharedSecret } from '../resolve.ts';
import { verifiedAt } from '../verification/index.ts';
import { candidatesStatus } from './candidates.ts';
import type { ConditionContent } from './condition-content.ts';
import { invalidConditions, type ReportInput, validConditions } from './conditions.ts';
import { bindingEvents, migrationEvents, readyEvent } from './events.ts';
import { historyOf } from './history.ts';
import { unreadableScans } from './left-out.ts';
import { migrationsToReport } from './migrations.ts';
import { parameterChanges } from './parameter-changes.ts';
import { revertedWrites } from './reverted-writes.ts';
import { scanStates, summarizeScans, withReversions } from './scans.ts';
import { summarizeTemporarySecrets } from './temporary-secrets.ts';
import { summarizeUnboundScans } from './unbound-scans.ts';

/** metav1.Condition: https://github.com/kubernetes/apimachinery/blob/master/pkg/apis/meta/v1/types.go */
const LONGEST_MESSAGE = 32_768;

/** What to report about a binding. */
export interface Report {
  readonly status: ImageCredentialBindingStatus;
  /** Whether the status differs from the one in the cluster. If not, it is not written. */
  readonly changed: boolean;
  readonly events: readonly EventContent[];
}

/**
 * The status of a binding and the Events about what has changed in it. Pure: the same input gives the same status, so a
 * reconcile without changes writes nothing.
 */
export function report(binding: Binding, resolved: Resolved, decision: Decision, applied: Applied): Report {
  const reverted = revertedWrites(binding, { decision, applied, now: resolved.now });
  const scans = withReversions(scanStates(decision, applied, resolved.known), reverted);
  const unreadable = binding.validity === 'Valid' ? unreadableScans(binding, resolved) : [];
  const contents =
    binding.validity === 'Invalid'
      ? invalidConditions(binding.reason, binding.message)
      : validConditions(binding, { resolved, decision, applied, scans, unreadable, reverted });
  const conditions = contents.map((content) => toCondition(content, binding, resolved.now));
  const changes = parameterChanges(decision, binding.status);
  const found: ImageCredentialBindingStatus = {
    observedGeneration: binding.generation,
    ...(binding.validity === 'Valid' ? validStatus(binding, resolved) : {}),
    scans: summarizeScans([...scans, ...unreadable]),
    ...summariesOf(resolved),
    ...(reverted.length === 0 ? {} : { revertedWrites: [...reverted] }),
    ...(changes.length === 0 ? {} : { parameterChanges: [...changes] }),
    conditions,
  };
  const migrations = migrationsToReport(binding, { decision, applied, resolved });
  const history = historyOf(binding, found, { time: timestamp(resolved.now), migrations });
  const count = migrations.length > 0 ? nextMigration(binding) : binding.status?.migrations;
  const status = {
    ...found,
    ...(history.length === 0 ? {} : { history }),
    ...(count === undefined ? {} : { migrations: count }),
  };
  return {
    status,
    changed: !isDeepStrictEqual(comparable(status), comparable(binding.status ?? {})),
    events: [...migrationEvents(binding, migrations), ...bindingEvents(binding, status, decision, applied)],
  };
}

function summariesOf(
  resolved: Resolved,
): Pick<ImageCredentialBindingStatus, 'unboundScans' | 'temporarySecrets'> {
  const unboundScans = summarizeUnboundScans(resolved);
  const temporarySecrets = summarizeTemporarySecrets(resolved);
  return {
    ...(unboundScans === undefined ? {} : { unboundScans }),
    ...(temporarySecrets === undefined ? {} : { temporarySecrets }),
  };
}

/**
 * The status of a binding whose reconcile failed because of an error in this program: the previous status, with the
 * error in the condition Ready.
 */
export function failureReport(binding: Binding, error: unknown, now: number): Report {
  const before = binding.status ?? {};
  const contents = invalidConditions('InternalError', failureMessage('this binding', error));
  const conditions = new Map(before.conditions?.map((condition) => [condition.type, condition]));
  for (const content of contents) conditions.set(content.type, toCondition(content, binding, now));
  const status = { ...before, observedGeneration: binding.generation, conditions: [...conditions.values()] };
  const changed = !isDeepStrictEqual(comparable(status), comparable(before));
  return { status, changed, events: readyEvent(before, status) };
}

/** The status with its conditions keyed by type, because server-side apply may store them in a different order. */
function comparable(status: ImageCredentialBindingStatus): unknown {
  return {
    ...status,
    conditions: new Map(status.conditions?.map((condition) => [condition.type, condition])),
  };
}

function validStatus(binding: ValidBinding, resolved: Resolved): ImageCredentialBindingStatus {
  const candidate = chosenCandidate(resolved.choice.resolution);
  return {
    platform: platformOf(binding.image.host).name,
    delivery: deliveryOf(binding, resolved),
    candidates: candidatesStatus(resolved, binding.status),
    ...(candidate === undefined ? {} : chosenStatus(binding, resolved, candidate)),
  };
}

function chosenStatus(
  binding: ValidBinding,
  resolved: Resolved,
  candidate: Candidate,
): ImageCredentialBindingStatus {
  const { credentials, trivySecret } = resolved;
  const shared = sharedSecret(trivySecret);
  const source = credentials.secrets.find(({ name }) => name === candidate.secret);
  const { credential } = candidate;
  const username = credential.kind === 'platform' ? undefined : publicUsername(credential);
  const accepted = verifiedAt(binding, resolved, candidate);
  const expires = expirationTime(expirationInUse(candidate, trivySecret?.desired));
  return {
    credential: {
      secret: { name: candidate.secret, uid: source?.state === 'Found' ? source.uid : '' },
      registryKey: candidate.registryKey,
      ...(username === undefined ? {} : { username }),
      repository: repositoryName(binding.image),
      ...(accepted === undefined ? {} : { verifiedTime: timestamp(accepted) }),
      ...(expires === undefined ? {} : { expirationTime: expires }),
    },
    ...(binding.mode === 'Enforce' && shared !== undefined
      ? { trivySecret: { name: shared.desired.name } }
      : {}),
  };
}

/** The conditions of a binding without their times, for a reconcile that has not taken place. */
export function previewConditions(
  binding: ValidBinding,
  facts: Omit<ReportInput, 'scans' | 'unreadable' | 'reverted'>,
): readonly ConditionContent[] {
  const { resolved, decision, applied } = facts;
  const scans = scanStates(decision, applied, resolved.known);
  const unreadable = unreadableScans(binding, resolved);
  return validConditions(binding, { ...facts, scans, unreadable, reverted: [] });
}

function toCondition(content: ConditionContent, binding: Binding, now: number): Condition {
  const previous = binding.status?.conditions?.find(({ type }) => type === content.type);
  return {
    type: content.type,
    status: content.status,
    observedGeneration: binding.generation,
    lastTransitionTime: previous?.status === content.status ? previous.lastTransitionTime : timestamp(now),
    reason: content.reason,
    message: content.message.slice(0, LONGEST_MESSAGE),
  };
}
