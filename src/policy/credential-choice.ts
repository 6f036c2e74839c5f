import type { KnownAnswer } from '../answer/index.ts';
import type { Condition, Verification } from '../api/index.ts';
import { conditionOf } from '../api/index.ts';
import type { ValidBinding } from '../binding/index.ts';
import { type Lookup, lookup } from '../credential/index.ts';
import { repositoryName } from '../image/index.ts';
import type { SourceCredential } from '../platform/index.ts';
import type { Candidate, NamedSecret } from '../secret/index.ts';
import { readPastTime } from '../text/index.ts';
import {
  acceptanceOf,
  isAccepted,
  isProven,
  isUndecided,
  outcomeOf,
  type ReportedCondition,
  type VerificationOutcome,
} from './verification-outcome.ts';

/** The credentials for the image of a binding in the Secrets that the binding names. */
export interface Credentials extends Lookup<SourceCredential> {
  /** In the binding's order. */
  readonly secrets: readonly NamedSecret[];
}

/** Whether a Secret has not been read yet. Nothing can be decided about the binding before all Secrets are read. */
export function hasUnread({ secrets }: Credentials): boolean {
  return secrets.some(({ state }) => state === 'Unread');
}

/** The credential for a pull: one of the candidates; undefined: no credential, which works if the image is public. */
export type Puller = Candidate | undefined;

/** The `resourceVersion` of the Secret that a candidate is from; undefined: that Secret was not found. */
export function versionOf({ secret }: Candidate, { secrets }: Credentials): string | undefined {
  const found = secrets.find(({ name }) => name === secret);
  return found?.state === 'Found' ? found.resourceVersion : undefined;
}

/** What the scans use now, according to status. The value of the credential may have changed since. */
interface InUse {
  readonly puller: Puller;
  /** What CredentialVerified reports about it. */
  readonly reported: ReportedCondition | undefined;
}

/** The facts on which a choice among the candidates is based. */
export interface Evidence {
  readonly verification: Verification;
  /** undefined: nothing is in use, or the candidate no longer exists. */
  readonly inUse: InUse | undefined;
  /** What CredentialVerified reports about the current spec. */
  readonly reported: ReportedCondition | undefined;
  /** Whether the time to wait for a first answer is over. */
  readonly isWaitOver: boolean;
  /** The known answers. They may be due for a new check. */
  readonly answers: ReadonlyMap<Puller, KnownAnswer>;
}

/** The credential that the scans of a binding should use. */
export type Resolution =
  | { readonly result: 'Selected'; readonly candidate: Candidate; readonly verified: VerificationOutcome }
  /** The image is public, so nothing is mounted. */
  | { readonly result: 'Anonymous'; readonly verified: VerificationOutcome }
  /** The binding names no Secrets, so nothing is mounted, whatever the registry answers. */
  | { readonly result: 'NoneNeeded'; readonly verified: VerificationOutcome }
  /** No further scans may be bound (yet). `candidate`: the credential in use, which bound scans keep using. */
  | {
      readonly result: 'Withheld';
      readonly candidate: Candidate | undefined;
      readonly verified: VerificationOutcome;
    }
  /** There is no candidate, and the image is not known to be public. */
  | { readonly result: 'Unresolved'; readonly reason: UnusableReason };

/** A choice, and the pullers on whose answers it is based. Their checks are requested when they are due. */
export interface Choice {
  readonly resolution: Resolution;
  /** In the order of the walk. */
  readonly restsOn: readonly Puller[];
}

type UnusableReason =
  | 'NoMatch'
  | 'SecretNotFound'
  | 'SecretWrongType'
  | 'SecretMalformed'
  | 'SecretUnreadable'
  | 'NotAnnotated';

/** Finds the credentials that fit the image of a binding in the Secrets that it names. */
export function credentialsOf(binding: ValidBinding, secrets: readonly NamedSecret[]): Credentials {
  const found = secrets.filter((secret) => secret.state === 'Found');
  return { secrets, ...lookup(found, binding.image) };
}

/** What the status of a binding reports about the credential in use for its repository. */
export function evidenceInStatus(
  binding: ValidBinding,
  credentials: Credentials,
): Pick<Evidence, 'inUse' | 'reported'> {
  const verified = conditionOf(binding.status, 'CredentialVerified');
  const reported = isCurrent(binding, verified) ? verified : undefined;
  const candidate = candidateInUse(binding, credentials);
  if (candidate !== undefined) return { inUse: { puller: candidate, reported: verified }, reported };
  const resolved = conditionOf(binding.status, 'CredentialResolved');
  const anonymous = isCurrent(binding, resolved) && resolved?.reason === 'Anonymous';
  return { inUse: anonymous ? { puller: undefined, reported } : undefined, reported };
}

function candidateInUse(
  { image, status }: ValidBinding,
  { candidates, secrets }: Credentials,
): Candidate | undefined {
  const chosen = status?.credential;
  if (chosen === undefined || chosen.repository !== repositoryName(image)) return undefined;
  const same = secrets.some(
    (secret) =>
      secret.state === 'Found' && secret.name === chosen.secret.name && secret.uid === chosen.secret.uid,
  );
  if (!same) return undefined;
  return candidates.find(
    ({ secret, registryKey }) => secret === chosen.secret.name && registryKey === chosen.registryKey,
  );
}

function isCurrent({ generation }: ValidBinding, condition: Condition | undefined): boolean {
  return condition?.observedGeneration === generation;
}

/**
 * Chooses the credential: the first candidate, in the kubelet's order, that the registry accepts. If there is none, and the
 * image is public, chooses no credential. This is the walk over the candidates:
 *
 * | the next candidate | then |
 * |---|---|
 * | was accepted, and not refused since | select it, and stop |
 * | is refused, has expired, or has an inconclusive answer | go to the next one; after the last, to no credential |
 * | has no answer yet | stop: wait for the answer |
 * | cannot be checked | stop, because all candidates are for the same registry |
 *
 * If the walk stops without an accepted candidate, the credential in use stays in use, unless it is refused. The walk also
 * stops at a credential in use that was accepted before, even if its answer is now inconclusive. If no credential is in use,
 * `Preferred` selects the first candidate that is not refused, and `Required` selects none. If all candidates are refused,
 * both select none. `Never` selects the first candidate without a check.
 */
export function choose(credentials: Credentials, evidence: Evidence): Choice {
  if (evidence.verification === 'Never') return { resolution: unchecked(credentials), restsOn: [] };
  if (credentials.secrets.length === 0) {
    return {
      resolution: { result: 'NoneNeeded', verified: anonymousOutcome(evidence) },
      restsOn: [undefined],
    };
  }
  const walked = walk(credentials.candidates, evidence);
  const { inUse } = evidence;
  const isSettled = acceptanceOf(evidence.answers.get(walked.at(-1))) === 'Accepted';
  const restsOnInUse = inUse !== undefined && !isSettled && !walked.includes(inUse.puller);
  return {
    resolution: resolutionAfter(walked, credentials, evidence),
    restsOn: restsOnInUse ? [...walked, inUse.puller] : walked,
  };
}

/** The first candidate, without a check. */
function unchecked(credentials: Credentials): Resolution {
  const [candidate] = credentials.candidates;
  const verified: VerificationOutcome = { outcome: 'Disabled' };
  if (candidate !== undefined) return { result: 'Selected', candidate, verified };
  if (credentials.secrets.length === 0) return { result: 'NoneNeeded', verified };
  return unresolved(credentials);
}

/** The outcome for a binding without Secrets. After a refusal, nodes may still pull with a credential of their own. */
function anonymousOutcome({ answers, reported }: Evidence): VerificationOutcome {
  const verified = outcomeOf(answers.get(undefined), reported);
  return verified.outcome === 'Denied' ? { outcome: 'NotCheckable' } : verified;
}

/** The pullers that the walk reaches, in the order of the walk. The last one is where it stops. */
function walk(candidates: readonly Candidate[], evidence: Evidence): readonly Puller[] {
  const pullers: readonly Puller[] = [...candidates, undefined];
  const end = pullers.findIndex((puller) => !isPassed(puller, evidence));
  return end < 0 ? pullers : pullers.slice(0, end + 1);
}

function isPassed(puller: Puller, { inUse, answers }: Evidence): boolean {
  const acceptance = acceptanceOf(answers.get(puller));
  if (acceptance !== 'Inconclusive') return acceptance === 'Denied';
  return inUse === undefined || inUse.puller !== puller || !isAccepted(inUse.reported);
}

/** @param walked - the pullers that the walk reached, in its order */
function resolutionAfter(
  walked: readonly Puller[],
  credentials: Credentials,
  evidence: Evidence,
): Resolution {
  const { inUse, answers, isWaitOver } = evidence;
  const last = walked.at(-1);
  const acceptance = acceptanceOf(answers.get(last));
  if (acceptance === 'Accepted') return select(last, evidence);
  if (inUse !== undefined && !isDenied(inUse.puller, evidence)) return select(inUse.puller, evidence);
  const possible = walked.find((puller) => puller !== undefined && !isDenied(puller, evidence));
  if (acceptance === 'Unchecked' && (possible === undefined || !isWaitOver)) return awaiting(evidence);
  if (credentials.candidates.length === 0) return unresolved(credentials);
  return possible === undefined ? withheld({ outcome: 'Denied' }, evidence) : select(possible, evidence);
}

function isDenied(puller: Puller, { answers }: Evidence): boolean {
  return acceptanceOf(answers.get(puller)) === 'Denied';
}

/**
 * Nothing is selected until there is an answer. If status reports that the check could not be done, that report stays while
 * the check is repeated.
 */
function awaiting(evidence: Evidence): Resolution {
  const { reported } = evidence;
  const keepsReport = reported !== undefined && isUndecided(reported);
  return withheld(keepsReport ? { outcome: 'AsBefore', reported } : { outcome: 'Verifying' }, evidence);
}

function withheld(verified: VerificationOutcome, { inUse }: Evidence): Resolution {
  return { result: 'Withheld', candidate: inUse?.puller, verified };
}

/** Selects the puller, or withholds it if no further scans may be bound to it before there is an answer. */
function select(puller: Puller, evidence: Evidence): Resolution {
  const { verification, inUse, answers, isWaitOver } = evidence;
  const reported = inUse !== undefined && inUse.puller === puller ? inUse.reported : undefined;
  const verified = outcomeOf(answers.get(puller), reported);
  if (puller === undefined) return { result: 'Anonymous', verified };
  const isUnproven = verification === 'Required' && !isProven(verified);
  // The new value of a refused credential is delivered, but no further scans are bound to it before there is an answer.
  const wasRefused = reported?.reason === 'Denied' || reported?.reason === 'Expired';
  const isOnTrial = wasRefused && verified.outcome === 'Verifying' && !isWaitOver;
  if (isUnproven || isOnTrial) return withheld(verified, evidence);
  return { result: 'Selected', candidate: puller, verified };
}

/** The reason of a Secret that cannot be used takes precedence over `NoMatch`. */
function unresolved({ secrets }: Credentials): Resolution {
  const reasons = secrets.map(unusableReason);
  return { result: 'Unresolved', reason: reasons.find((reason) => reason !== 'NoMatch') ?? 'NoMatch' };
}

/** The candidate whose current value the Trivy Secret should have; undefined: there is none. */
export function chosenCandidate(resolution: Resolution): Candidate | undefined {
  return 'candidate' in resolution ? resolution.candidate : undefined;
}

/** Whether scans may be bound with this resolution. */
export function permitsBinding({ result }: Resolution): boolean {
  return result === 'Selected' || result === 'Anonymous' || result === 'NoneNeeded';
}

/** Whether scans wait for a registry's first answer. */
export function isVerifying(resolution: Resolution): boolean {
  return resolution.result === 'Withheld' && resolution.verified.outcome === 'Verifying';
}

/** Why a Secret provides no credential for an image. Only for Secrets without an entry that fits the image. */
export function unusableReason(secret: NamedSecret): UnusableReason {
  switch (secret.state) {
    case 'Missing':
      return 'SecretNotFound';
    case 'WrongType':
      return 'SecretWrongType';
    case 'NotAnnotated':
      return 'NotAnnotated';
    case 'Unread':
    case 'Unreadable':
      return 'SecretUnreadable';
    case 'Malformed':
      return 'SecretMalformed';
    case 'Found':
      return secret.problems.length === 0 ? 'NoMatch' : 'SecretMalformed';
  }
}

/**
 * When `Preferred` stops waiting for a registry's first answer, in milliseconds since the epoch. The wait begins when the
 * condition Reconciling becomes True, so that a restart does not prolong it.
 *
 * @param timeoutMs - length of the wait
 */
export function firstAnswerDeadline({ status }: ValidBinding, timeoutMs: number, now: number): number {
  const reconciling = conditionOf(status, 'Reconciling');
  const isWaiting = reconciling?.reason === 'Verifying';
  const since = isWaiting ? readPastTime(reconciling.lastTransitionTime, now) : now;
  return (since ?? now) + timeoutMs;
}
