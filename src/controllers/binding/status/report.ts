import { isDeepStrictEqual } from 'node:util';
import type { Condition, ImageCredentialBindingStatus } from '../../../api/index.ts';
import type { Binding, ValidBinding } from '../../../binding/index.ts';
import { repositoryName } from '../../../image/index.ts';
import type { Occurrence } from '../../../kube/index.ts';
import { platformOf, publicUsername } from '../../../platform/index.ts';
import { delivered, endInUse, expirationTime } from '../../../policy/index.ts';
import type { Candidate } from '../../../secret/index.ts';
import { failureMessage, timestamp } from '../../../text/index.ts';
import type { Applied } from '../apply.ts';
import type { Decision } from '../decide.ts';
import type { Observed } from '../observe.ts';
import { verifiedAt } from '../verification/index.ts';
import { candidatesStatus } from './candidates.ts';
import { type Finding, invalidFindings, validFindings } from './conditions.ts';
import { moveOccurrences, occurrencesOf, readyOccurrence } from './events.ts';
import { historyOf, movesOf, nextMigration } from './history.ts';
import { countScans, summarizeScans } from './scans.ts';

/** metav1.Condition: https://github.com/kubernetes/apimachinery/blob/master/pkg/apis/meta/v1/types.go */
const LONGEST_MESSAGE = 32_768;

/** What to tell about a binding. */
export interface Report {
  readonly status: ImageCredentialBindingStatus;
  /** Whether status says something new; else nothing is written. */
  readonly changed: boolean;
  readonly events: readonly Occurrence[];
}

/**
 * The status of a binding and the Events about what has changed in it. Pure; the same input gives the same
 * status, so that a reconcile of what has not changed writes nothing.
 */
export function report(binding: Binding, observed: Observed, decision: Decision, applied: Applied): Report {
  const scans = countScans(decision, applied);
  const findings =
    binding.validity === 'Invalid'
      ? invalidFindings(binding.reason, binding.message)
      : validFindings(binding, { observed, decision, applied, scans });
  const conditions = findings.map((finding) => toCondition(finding, binding, observed.now));
  const found: ImageCredentialBindingStatus = {
    observedGeneration: binding.generation,
    ...(binding.validity === 'Valid' ? validStatus(binding, observed) : {}),
    scans: summarizeScans(scans),
    conditions,
  };
  const moves = movesOf(binding, { decision, applied, observed });
  const history = historyOf(binding, found, { time: timestamp(observed.now), moves });
  const migrations = moves.length > 0 ? nextMigration(binding) : binding.status?.migrations;
  const status = {
    ...found,
    ...(history.length === 0 ? {} : { history }),
    ...(migrations === undefined ? {} : { migrations }),
  };
  return {
    status,
    changed: !isDeepStrictEqual(comparable(status), comparable(binding.status ?? {})),
    events: [...moveOccurrences(binding, moves), ...occurrencesOf(binding, status, decision, applied)],
  };
}

/**
 * The status of a binding whose reconcile failed because of an error in this program: the previous status, with the
 * error in the condition Ready.
 */
export function failureReport(binding: Binding, error: unknown, now: number): Report {
  const before = binding.status ?? {};
  const findings = invalidFindings('InternalError', failureMessage('this binding', error));
  const conditions = new Map(before.conditions?.map((condition) => [condition.type, condition]));
  for (const finding of findings) conditions.set(finding.type, toCondition(finding, binding, now));
  const status = { ...before, observedGeneration: binding.generation, conditions: [...conditions.values()] };
  const changed = !isDeepStrictEqual(comparable(status), comparable(before));
  return { status, changed, events: readyOccurrence(before, status) };
}

/** Conditions are a map by type: server-side apply keeps them in an order of its own. */
function comparable(status: ImageCredentialBindingStatus): unknown {
  return {
    ...status,
    conditions: new Map(status.conditions?.map((condition) => [condition.type, condition])),
  };
}

function validStatus(binding: ValidBinding, observed: Observed): ImageCredentialBindingStatus {
  const candidate = delivered(observed.choice.resolution);
  return {
    platform: platformOf(binding.image.host).name,
    candidates: candidatesStatus(observed, binding.status),
    ...(candidate === undefined ? {} : chosenStatus(binding, observed, candidate)),
  };
}

function chosenStatus(
  binding: ValidBinding,
  observed: Observed,
  candidate: Candidate,
): ImageCredentialBindingStatus {
  const { credentials, trivySecret } = observed;
  const source = credentials.secrets.find(({ name }) => name === candidate.secret);
  const { credential } = candidate;
  const username = credential.kind === 'platform' ? undefined : publicUsername(credential);
  const accepted = verifiedAt(binding, observed, candidate);
  const expires = expirationTime(endInUse(candidate, trivySecret?.desired));
  return {
    credential: {
      secret: { name: candidate.secret, uid: source?.state === 'Found' ? source.uid : '' },
      registryKey: candidate.registryKey,
      ...(username === undefined ? {} : { username }),
      repository: repositoryName(binding.image),
      ...(accepted === undefined ? {} : { verifiedTime: timestamp(accepted) }),
      ...(expires === undefined ? {} : { expirationTime: expires }),
    },
    ...(binding.mode === 'Enforce' && trivySecret !== undefined
      ? { trivySecret: { name: trivySecret.desired.name } }
      : {}),
  };
}

function toCondition(finding: Finding, binding: Binding, now: number): Condition {
  const previous = binding.status?.conditions?.find(({ type }) => type === finding.type);
  return {
    type: finding.type,
    status: finding.status,
    observedGeneration: binding.generation,
    lastTransitionTime: previous?.status === finding.status ? previous.lastTransitionTime : timestamp(now),
    reason: finding.reason,
    message: finding.message.slice(0, LONGEST_MESSAGE),
  };
}
