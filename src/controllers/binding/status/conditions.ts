import { describeAnswer } from '../../../answer/index.ts';
import type { ConditionReason, RevertedWrite } from '../../../api/index.ts';
import type { ValidBinding } from '../../../binding/index.ts';
import { formatReference, repositoryName } from '../../../image/index.ts';
import type { Limit } from '../../../policy/index.ts';
import {
  chosenCandidate,
  expirationInUse,
  expirationState,
  expirationTime,
  LONGEST_CHAIN,
  MOST_RIVALS,
  permitsBinding,
} from '../../../policy/index.ts';
import type { NamedSecret } from '../../../secret/index.ts';
import { describeCandidate, findNearMisses } from '../../../secret/index.ts';
import { quoted } from '../../../text/index.ts';
import { type Applied, Refused } from '../apply.ts';
import type { Decision } from '../decide.ts';
import { type Resolved, STALLING } from '../resolve.ts';
import { advise } from './advice.ts';
import { adviseBound } from './bound-advice.ts';
import type { ConditionContent } from './condition-content.ts';
import { scansOfOtherTypes } from './left-out.ts';
import { counted, listed, listedByReason, type ScanState } from './scans.ts';
import { temporaryRefusal } from './temporary-secrets.ts';
import { credentialVerified, refusalReason } from './verified-condition.ts';

const MOST_TEXTS = 3;
/** In characters. */
const LONGEST_IN_READY = 300;

/** The conditions of a binding that the controller cannot reconcile. */
export function invalidConditions(
  reason: 'InvalidSpec' | 'InternalError',
  problem: string,
): readonly ConditionContent[] {
  const message = reason === 'InternalError' ? advise(problem, reason) : problem;
  return [
    { type: 'Ready', status: 'False', reason, message },
    { type: 'Stalled', status: 'True', reason, message },
  ];
}

export interface ReportInput {
  readonly resolved: Resolved;
  readonly decision: Decision;
  readonly applied: Applied;
  readonly scans: readonly ScanState[];
  /** The ScheduledScans that mention an image of the binding, but have no readable one. */
  readonly unreadable: readonly ScanState[];
  /** The ScheduledScans whose binding another field manager reverts again and again. */
  readonly reverted: readonly RevertedWrite[];
}

/** The conditions of a binding with a valid spec, in the order in which status lists them. */
export function validConditions(binding: ValidBinding, facts: ReportInput): readonly ConditionContent[] {
  const credentialCondition = credentialResolved(binding, facts);
  const verifiedCondition = credentialVerified(binding, facts.resolved);
  const boundCondition = scansBound(binding, facts);
  const details = [credentialCondition, verifiedCondition, boundCondition].filter(
    (condition) => condition !== undefined,
  );
  const { limit } = facts.resolved;
  if (limit !== undefined) return limitConditions(limit, details);
  const obstacle = obstacleOf(facts.decision, details);
  const summary = `${credentialCondition.message}; ${brief(boundCondition)}`;
  const ready: ConditionContent =
    obstacle === undefined ? readyCondition(facts, summary) : { ...obstacle, type: 'Ready', status: 'False' };
  const reconciling: ConditionContent[] = isReconciling(obstacle)
    ? [{ type: 'Reconciling', status: 'True', reason: obstacle.reason, message: obstacle.message }]
    : [];
  const stalled: ConditionContent[] =
    obstacle !== undefined && STALLING.has(obstacle.reason)
      ? [{ type: 'Stalled', status: 'True', reason: obstacle.reason, message: obstacle.message }]
      : [];
  return [ready, ...details, ...reconciling, ...stalled];
}

/** The message of ScansBound for Ready. A long one loses its notes, so that Ready stays readable. */
function brief({ type, message }: ConditionContent): string {
  const end = message.length > LONGEST_IN_READY ? message.indexOf('; ') : -1;
  return end < 0 ? message : `${message.slice(0, end)}; see the condition ${type}`;
}

/** The condition Ready with the status True. It warns if the credential expires soon. */
function readyCondition({ resolved, decision }: ReportInput, summary: string): ConditionContent {
  const candidate = chosenCandidate(decision.resolution);
  const expiresAt = candidate && expirationInUse(candidate, resolved.trivySecret?.desired);
  if (candidate === undefined || expirationState(expiresAt, resolved.now) === 'Later') {
    return { type: 'Ready', status: 'True', reason: 'Ready', message: summary };
  }
  const message = `${describeCandidate(candidate)} expires at ${expirationTime(expiresAt)}; ${summary}`;
  return { type: 'Ready', status: 'True', reason: 'ExpiresSoon', message: advise(message, 'ExpiresSoon') };
}

const LIMITS: Readonly<Record<Limit, string>> = {
  ReplacesCycle: 'spec.replaces of this binding and of others form a cycle, so none of them migrates scans',
  ReplacesTooLong:
    `the spec.replaces lists of this binding and others form a chain of more than ${LONGEST_CHAIN} bindings, so this binding ` +
    'migrates no ScheduledScans',
  TooManyBindings:
    `at least ${MOST_RIVALS} other bindings in this namespace have the same image, or the same repository in ` +
    'spec.replaces, and take precedence, so this binding does not bind ScheduledScans with its image',
};

/** The conditions of a binding beyond a limit. Its other work continues, but its owner has to change the spec. */
function limitConditions(reason: Limit, others: readonly ConditionContent[]): readonly ConditionContent[] {
  const message = advise(LIMITS[reason], reason);
  return [
    { type: 'Ready', status: 'False', reason, message },
    ...others,
    { type: 'Stalled', status: 'True', reason, message },
  ];
}

/**
 * The first condition that prevents Ready from being True; undefined: none does. `Unknown` prevents it only if the
 * credential is withheld because of it.
 */
function obstacleOf(
  { resolution }: Decision,
  conditions: readonly ConditionContent[],
): ConditionContent | undefined {
  const withheld = resolution.result === 'Withheld';
  return conditions.find(
    ({ type, status }) =>
      status === 'False' || (withheld && type === 'CredentialVerified' && status !== 'True'),
  );
}

/**
 * Whether the obstacle may disappear without a user's action: a wait for a run, for an answer, or for a registry that is
 * down.
 */
function isReconciling(obstacle: ConditionContent | undefined): obstacle is ConditionContent {
  if (obstacle?.type === 'CredentialVerified') return obstacle.status === 'Unknown';
  return obstacle?.reason === 'Waiting' || obstacle?.reason === 'Exchanging';
}

function credentialResolved(binding: ValidBinding, facts: ReportInput): ConditionContent {
  const { resolved, decision } = facts;
  const { resolution } = decision;
  const { secrets: named, more } = resolved.credentials;
  const problems = named.map(problemOf).filter((problem) => problem !== undefined);
  const untried =
    more === 0 ? [] : [`${more} more entries fit and are not tried; remove entries that you do not need`];
  const notes = [...problems, ...untried].map((note) => `; ${note}`).join('');
  const type = 'CredentialResolved';
  switch (resolution.result) {
    case 'Selected': {
      const message = `${describeCandidate(resolution.candidate)} fits ${binding.image.host}${notes}`;
      return { type, status: 'True', reason: 'Selected', message };
    }
    case 'Withheld':
      return withheldCredential(binding, facts, notes);
    case 'Anonymous':
      return {
        type,
        status: 'True',
        reason: 'Anonymous',
        message: `the image is public, so scans run without a credential${notes}`,
      };
    case 'NoneNeeded':
      return {
        type,
        status: 'True',
        reason: 'NoneNeeded',
        message: 'spec.imagePullSecrets is empty, so no credential is needed',
      };
    case 'Unresolved': {
      const { reason } = resolution;
      return { type, status: 'False', reason, message: noCredential(binding, named, reason) };
    }
  }
}

/** Why no Secret provides a credential, and what to do. General advice is omitted where a Secret has its own. */
function noCredential(
  { image }: ValidBinding,
  secrets: readonly NamedSecret[],
  reason: ConditionReason,
): string {
  const found = secrets.filter((secret) => secret.state === 'Found');
  const nearMisses = findNearMisses(found, image);
  const near = new Set(nearMisses.map(({ secret }) => secret));
  const why = secrets.flatMap((secret) =>
    near.has(secret.name) ? (problemOf(secret) ?? []) : describeUnusable(secret),
  );
  const message = `no credential for ${repositoryName(image)}: ${[...why, ...nearMisses.map(({ problem }) => problem)].join('; ')}`;
  const isAdvised =
    reason === 'NoMatch' ? near.size > 0 : reason === 'SecretWrongType' && secrets.every(hasAdvice);
  return advise(message, reason, isAdvised ? '' : undefined);
}

function hasAdvice(secret: NamedSecret): boolean {
  return secret.state === 'WrongType' && secret.message !== undefined;
}

function withheldCredential(
  binding: ValidBinding,
  { resolved }: ReportInput,
  notes: string,
): ConditionContent {
  const type = 'CredentialResolved';
  const { candidates } = resolved.credentials;
  const [first] = candidates;
  if (first === undefined) {
    const message = `no entry fits ${binding.image.host}, and the controller is checking whether the image is public${notes}`;
    return { type, status: 'Unknown', reason: 'Verifying', message };
  }
  const more = candidates.length === 1 ? '' : ` and ${candidates.length - 1} more`;
  const fits = candidates.length === 1 ? 'fits' : 'fit';
  const message = `${describeCandidate(first)}${more} ${fits} ${binding.image.host}${notes}`;
  return { type, status: 'True', reason: 'Found', message };
}

/**
 * Why a Secret provides no credential. The message may quote the registry keys of the entries, because no entry is read if its
 * key could contain a secret value.
 */
function describeUnusable(secret: NamedSecret): string {
  const problem = problemOf(secret);
  if (secret.state !== 'Found' || secret.entries.length === 0)
    return problem ?? `Secret ${secret.name} has no entries`;
  const keys = listedTexts(secret.entries.map(({ registryKey }) => quoted(registryKey)));
  const found = `Secret ${secret.name} has entries for ${keys} only`;
  return problem === undefined ? found : `${found}; ${problem}`;
}

function problemOf(secret: NamedSecret): string | undefined {
  switch (secret.state) {
    case 'Missing':
      return `Secret ${secret.name} does not exist`;
    case 'WrongType':
      return secret.message === undefined
        ? `Secret ${secret.name} is not a pull secret and holds no supported credential`
        : `Secret ${secret.name} cannot be used: ${secret.message}`;
    case 'NotAnnotated':
      return `Secret ${secret.name} is not a pull secret: ${secret.message}`;
    case 'Unread':
      return `Secret ${secret.name} is being read`;
    case 'Unreadable':
      return `Secret ${secret.name} cannot be read: ${secret.message}`;
    case 'Malformed':
      return `Secret ${secret.name} is malformed: ${secret.message}`;
    case 'Found':
      return secret.problems.length === 0
        ? undefined
        : `in Secret ${secret.name}: ${listedTexts(secret.problems)}`;
  }
}

function listedTexts(texts: readonly string[]): string {
  const shown = texts.slice(0, MOST_TEXTS).join(', ');
  return texts.length > MOST_TEXTS ? `${shown} and ${texts.length - MOST_TEXTS} more` : shown;
}

function scansBound(binding: ValidBinding, facts: ReportInput): ConditionContent {
  const { scans } = facts;
  const type = 'ScansBound';
  const problem = secretProblem(facts);
  if (problem !== undefined) return { type, status: 'False', ...problem };
  const failing = scans.filter(({ state }) => state === 'Failing');
  if (failing.length > 0) {
    const reason = failureReason(facts);
    const message = `${failing.length} of ${counted(scans.length)} failing: ${listed(failing)}`;
    return { type, status: 'False', reason, message: advise(message, reason, failureAdvice(reason)) };
  }
  const waiting = scans.filter(({ state }) => state === 'Waiting');
  if (waiting.length > 0) {
    const message = `${counted(waiting.length)} waiting: ${listed(waiting)}`;
    return { type, status: 'False', reason: 'Waiting', message: advise(message, 'Waiting') };
  }
  return nothingFailing(binding, facts);
}

/** What to do about a registry without an answer depends on what is wrong, which only CredentialVerified says. */
function failureAdvice(reason: ConditionReason): string | undefined {
  return reason === 'Unreachable' ? 'See the condition CredentialVerified.' : undefined;
}

function failureReason(input: ReportInput): ConditionReason {
  const { resolved, decision, reverted } = input;
  const { failed } = input.applied;
  const { scans } = decision;
  const reason = withholdingReason(decision, resolved);
  if (reason !== undefined) return reason;
  const refused = [...failed.values()].find((failure) => failure instanceof Refused);
  if (refused !== undefined) return refused.reason;
  if (scans.some(({ plan }) => plan === 'Broken')) return 'InternalError';
  if (reverted.length > 0) return 'WritesReverted';
  if (scans.some(({ plan }) => plan === 'Unreadable' || plan === 'Unmigratable')) return 'ScanUnreadable';
  return scans.some(({ plan }) => plan === 'NotMigrated') ? 'ImageMissing' : 'ScanUpdateFailed';
}

/** Why no scan may be bound; undefined: the credential does not prevent it. */
function withholdingReason({ resolution }: Decision, resolved: Resolved): ConditionReason | undefined {
  if (resolution.result === 'Unresolved') return resolution.reason;
  if (resolution.result !== 'Withheld') return undefined;
  const { verified } = resolution;
  // Only the controller writes status, so the reason is one that it defines.
  if (verified.outcome === 'AsBefore') return verified.reported.reason as ConditionReason;
  if (verified.outcome === 'Undecided') return verified.answer.result;
  return verified.outcome === 'Denied' ? refusalReason(resolved) : 'Verifying';
}

function nothingFailing(binding: ValidBinding, facts: ReportInput): ConditionContent {
  const { resolved, decision, scans, unreadable } = facts;
  const type = 'ScansBound';
  const yielded = decision.scans.filter((plan) => plan.plan === 'Yield');
  const others = [...new Set(yielded.map(({ to }) => to))].sort().join(', ');
  const yieldNote =
    yielded.length === 0 ? '' : `; ${counted(yielded.length)} with another effective binding: ${others}`;
  const note = `${yieldNote}${leftOutNote(unreadable)}`;
  if (binding.mode === 'Observe') {
    const observed = decision.scans.filter(({ plan }) => plan === 'Observe').length;
    const message = advise(`would bind ${counted(observed)}${note}`, 'Observing');
    return { type, status: 'Unknown', reason: 'Observing', message };
  }
  if (scans.length === 0) return noScans(binding, facts);
  const bound = scans.length - yielded.length;
  const reason = bound === 0 ? 'Overridden' : 'Bound';
  const how = permitsBinding(decision.resolution) ? '' : ', with the last credential that was found';
  const notes = scans.filter((scan) => scan.state === 'Bound' && scan.reason !== undefined);
  const noted = notes.length === 0 ? '' : `; ${listedByReason(notes)}`;
  const directly =
    resolved.direct === undefined ? '' : `; they mount Secret ${resolved.direct.secretName} itself`;
  const message = `${counted(bound)} bound${how}${directly}${noted}${note}`;
  return { type, status: 'True', reason, message: adviseBound(binding, message, reason) };
}

function noScans(binding: ValidBinding, { resolved, unreadable }: ReportInput): ConditionContent {
  const message = `no ScheduledScan in this namespace has the image ${formatReference(binding.image)}, a scan type that the controller binds, and labels that match spec.scanSelector`;
  const leftOut = leftOutNote([...unreadable, ...scansOfOtherTypes(binding, resolved)]);
  const note = `${leftOut}${previousRepositoryNote(binding)}`;
  const reported = note === '' ? advise(message, 'NoScans') : `${message}${note}`;
  return { type: 'ScansBound', status: 'True', reason: 'NoScans', message: reported };
}

function leftOutNote(scans: readonly ScanState[]): string {
  return scans.length === 0 ? '' : `; not bound: ${listedByReason(scans)}`;
}

/**
 * The repository to add to `replaces`, so that scans of the previous image are migrated; empty: none is known. The previous
 * image is in status.
 */
function previousRepositoryNote({ image, replaces, status }: ValidBinding): string {
  const known = new Set([formatReference(image), ...[image, ...replaces].map(repositoryName)]);
  const reported = [status?.credential?.repository, status?.history?.[0]?.from.image];
  const previous = reported.find((image) => image !== undefined && !known.has(image));
  return previous === undefined ? '' : `; to migrate scans of ${previous}, add it to spec.replaces`;
}

function secretProblem({
  resolved,
  decision,
  applied,
}: ReportInput): Pick<ConditionContent, 'reason' | 'message'> | undefined {
  const { secretWrite } = decision;
  const { secretRefused } = applied;
  const problem = deliveryProblem(resolved);
  if (problem !== undefined) return { ...problem, message: advise(problem.message, problem.reason) };
  if (secretWrite.write === 'Refused') {
    const message = `Secret ${secretWrite.desired.name} exists, but this controller did not create it for this credential`;
    return { reason: 'TrivySecretTaken', message: advise(message, 'TrivySecretTaken') };
  }
  const refusal =
    secretRefused === undefined
      ? temporaryRefusal(resolved)
      : advise(secretRefused.message, 'TrivySecretFailed');
  return refusal === undefined ? undefined : { reason: 'TrivySecretFailed', message: refusal };
}

/** Why no credential can be delivered to Trivy; undefined: one can. */
function deliveryProblem({
  undeliverable,
  trivySecret,
  now,
}: Resolved): Pick<ConditionContent, 'reason' | 'message'> | undefined {
  if (undeliverable !== undefined) return undeliverable;
  const { content, identity, loginExpiresAt } = trivySecret?.desired ?? {};
  if (content?.state !== 'LoginMissing' || identity === undefined) return undefined;
  const hasLogin = trivySecret?.place.state === 'Ours' && expirationState(loginExpiresAt, now) !== 'Expired';
  if (hasLogin) return undefined;
  const { failure } = content;
  const source = `Secret ${identity.source}`;
  if (failure === undefined || failure.answer.result === 'Login')
    return {
      reason: 'Exchanging',
      message: `the controller is requesting a login for ${source} from the cloud`,
    };
  const why = describeAnswer(failure.answer);
  return { reason: 'ExchangeFailed', message: `the cloud gave no login for ${source}: ${why}` };
}
