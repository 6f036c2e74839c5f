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

/** What the secrets that a binding names hold for its image. */
export interface Credentials extends Lookup<SourceCredential> {
  /** In the binding's order. */
  readonly secrets: readonly NamedSecret[];
}

/** Whether a secret is still to be read: until then nothing can be said. */
export function hasUnread({ secrets }: Credentials): boolean {
  return secrets.some(({ state }) => state === 'Unread');
}

/** Who pulls: one of the candidates, or, `undefined`, anybody. */
export type Puller = Candidate | undefined;

/** The version of the Secret that a candidate is from. */
export function versionOf({ secret }: Candidate, { secrets }: Credentials): string | undefined {
  const found = secrets.find(({ name }) => name === secret);
  return found?.state === 'Found' ? found.resourceVersion : undefined;
}

/** Who pulls at present, as status says; the value of the credential may be another by now. */
interface InUse {
  readonly puller: Puller;
  /** What CredentialVerified says of it. */
  readonly reported: ReportedCondition | undefined;
}

/** What a choice among the candidates rests on. */
export interface Evidence {
  readonly verification: Verification;
  /** undefined: nobody, or an entry that there is no more. */
  readonly inUse: InUse | undefined;
  /** What CredentialVerified says of the present spec. */
  readonly reported: ReportedCondition | undefined;
  /** Whether a first answer has been waited for long enough. */
  readonly isWaitOver: boolean;
  /** What is known of those who pull, perhaps no longer fresh. */
  readonly answers: ReadonlyMap<Puller, KnownAnswer>;
}

/** Which credential the scans of a binding are to use. */
export type Resolution =
  | { readonly result: 'Selected'; readonly candidate: Candidate; readonly verified: VerificationOutcome }
  /** The registry lets everybody pull, so nothing is mounted. */
  | { readonly result: 'Anonymous'; readonly verified: VerificationOutcome }
  /** The binding names no secrets: nothing is mounted, whatever the registry says. */
  | { readonly result: 'NoneNeeded'; readonly verified: VerificationOutcome }
  /** Nothing is to be newly bound (yet). `candidate`: the one in use, which what is bound goes on using. */
  | {
      readonly result: 'Withheld';
      readonly candidate: Candidate | undefined;
      readonly verified: VerificationOutcome;
    }
  /** No entry fits, and not everybody may pull. */
  | { readonly result: 'Unresolved'; readonly reason: UnusableReason };

/** A choice, and whose answers it rests on: these are to be asked for when they are due. */
export interface Choice {
  readonly resolution: Resolution;
  /** In the order in which they were looked at. */
  readonly restsOn: readonly Puller[];
}

type UnusableReason =
  | 'NoMatch'
  | 'SecretNotFound'
  | 'SecretWrongType'
  | 'SecretMalformed'
  | 'SecretUnreadable'
  | 'NotOffered';

/** Finds among the secrets that a binding names what fits its image. */
export function credentialsOf(binding: ValidBinding, secrets: readonly NamedSecret[]): Credentials {
  const found = secrets.filter((secret) => secret.state === 'Found');
  return { secrets, ...lookup(found, binding.image) };
}

/** What the status of a binding says of who pulls from its repository. */
export function evidenceInStatus(
  binding: ValidBinding,
  credentials: Credentials,
): Pick<Evidence, 'inUse' | 'reported'> {
  const verified = conditionOf(binding.status, 'CredentialVerified');
  const reported = isPresent(binding, verified) ? verified : undefined;
  const candidate = candidateInUse(binding, credentials);
  if (candidate !== undefined) return { inUse: { puller: candidate, reported: verified }, reported };
  const resolved = conditionOf(binding.status, 'CredentialResolved');
  const anonymous = isPresent(binding, resolved) && resolved?.reason === 'Anonymous';
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

function isPresent({ generation }: ValidBinding, condition: Condition | undefined): boolean {
  return condition?.observedGeneration === generation;
}

/**
 * Chooses who pulls: the first candidate, in the kubelet's order, that the registry accepts, else anybody, if the
 * registry lets everybody.
 *
 * | the next candidate | then |
 * |---|---|
 * | was accepted, and not refused since | it is selected |
 * | is refused, has ended, or its answer proves nothing | the next one; after the last, anybody |
 * | has not been asked about | the walk ends: wait for the answer |
 * | cannot be asked about | the walk ends: it is the same registry for all |
 *
 * Where the walk ends and nobody was accepted, the one in use stays, unless it is refused; one that was accepted before is
 * not passed for an answer that proves nothing. Without one in use `Preferred` takes the first that is not refused, and
 * `Required` nobody; where all are refused, both take nobody. `Never` takes the first without a question.
 */
export function choose(credentials: Credentials, evidence: Evidence): Choice {
  if (evidence.verification === 'Never') return { resolution: unasked(credentials), restsOn: [] };
  if (credentials.secrets.length === 0) {
    return { resolution: { result: 'NoneNeeded', verified: ambient(evidence) }, restsOn: [undefined] };
  }
  const walked = walk(credentials.candidates, evidence);
  const { inUse } = evidence;
  const isSettled = acceptanceOf(evidence.answers.get(walked.at(-1))) === 'Accepted';
  const restsOnInUse = inUse !== undefined && !isSettled && !walked.includes(inUse.puller);
  return {
    resolution: outcome(credentials, evidence, walked),
    restsOn: restsOnInUse ? [...walked, inUse.puller] : walked,
  };
}

/** The first that fits, whatever the registry would say. */
function unasked(credentials: Credentials): Resolution {
  const [candidate] = credentials.candidates;
  const verified: VerificationOutcome = { outcome: 'Disabled' };
  if (candidate !== undefined) return { result: 'Selected', candidate, verified };
  if (credentials.secrets.length === 0) return { result: 'NoneNeeded', verified };
  return unresolved(credentials);
}

/** An image that needs no secret: a refusal says that a node pulls it by means that only the node has. */
function ambient({ answers, reported }: Evidence): VerificationOutcome {
  const verified = outcomeOf(answers.get(undefined), reported);
  return verified.outcome === 'Denied' ? { outcome: 'NotCheckable' } : verified;
}

/** Whom the walk looks at: the last is where it ends. */
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

function outcome(credentials: Credentials, evidence: Evidence, walked: readonly Puller[]): Resolution {
  const { inUse, answers, isWaitOver } = evidence;
  const last = walked.at(-1);
  const acceptance = acceptanceOf(answers.get(last));
  if (acceptance === 'Accepted') return use(last, evidence);
  if (inUse !== undefined && !isDenied(inUse.puller, evidence)) return use(inUse.puller, evidence);
  const possible = walked.find((puller) => puller !== undefined && !isDenied(puller, evidence));
  if (acceptance === 'Unasked' && (possible === undefined || !isWaitOver)) return awaiting(evidence);
  if (credentials.candidates.length === 0) return unresolved(credentials);
  return possible === undefined ? withheld({ outcome: 'Denied' }, evidence) : use(possible, evidence);
}

function isDenied(puller: Puller, { answers }: Evidence): boolean {
  return acceptanceOf(answers.get(puller)) === 'Denied';
}

/** What status says stays where it is that the registry could not be asked: nothing has changed but that it is asked anew. */
function awaiting(evidence: Evidence): Resolution {
  const { reported } = evidence;
  const stands = reported !== undefined && isUndecided(reported);
  return withheld(stands ? { outcome: 'AsBefore', reported } : { outcome: 'Verifying' }, evidence);
}

function withheld(verified: VerificationOutcome, { inUse }: Evidence): Resolution {
  return { result: 'Withheld', candidate: inUse?.puller, verified };
}

/** Selected, unless an answer must come first. */
function use(puller: Puller, evidence: Evidence): Resolution {
  const { verification, inUse, answers, isWaitOver } = evidence;
  const reported = inUse !== undefined && inUse.puller === puller ? inUse.reported : undefined;
  const verified = outcomeOf(answers.get(puller), reported);
  if (puller === undefined) return { result: 'Anonymous', verified };
  const isUnproven = verification === 'Required' && !isProven(verified);
  // A new value of one that was refused: it is delivered, but nothing is newly bound to it before an answer.
  const wasRefused = reported?.reason === 'Denied' || reported?.reason === 'Expired';
  const isOnTrial = wasRefused && verified.outcome === 'Verifying' && !isWaitOver;
  if (isUnproven || isOnTrial) return withheld(verified, evidence);
  return { result: 'Selected', candidate: puller, verified };
}

/** A secret that cannot be used is the reason before `NoMatch`. */
function unresolved({ secrets }: Credentials): Resolution {
  const reasons = secrets.map(unusableReason);
  return { result: 'Unresolved', reason: reasons.find((reason) => reason !== 'NoMatch') ?? 'NoMatch' };
}

/** The candidate whose Trivy secret is to hold its present value; undefined where there is none. */
export function chosenCandidate(resolution: Resolution): Candidate | undefined {
  return 'candidate' in resolution ? resolution.candidate : undefined;
}

/** Whether scans may be bound to what was resolved. */
export function permitsBinding({ result }: Resolution): boolean {
  return result === 'Selected' || result === 'Anonymous' || result === 'NoneNeeded';
}

/** Whether scans wait for the first answer of a registry. */
export function isVerifying(resolution: Resolution): boolean {
  return resolution.result === 'Withheld' && resolution.verified.outcome === 'Verifying';
}

/** Why a secret gives no credential for an image that none of its entries fits. */
export function unusableReason(secret: NamedSecret): UnusableReason {
  switch (secret.state) {
    case 'Missing':
      return 'SecretNotFound';
    case 'WrongType':
      return 'SecretWrongType';
    case 'NotOffered':
      return 'NotOffered';
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
 * Until when `Preferred` waits for the first answer of a registry, in milliseconds since the epoch. Counts from the time at
 * which the condition Reconciling became True, so that a restart does not prolong the wait.
 *
 * @param timeoutMs - how long it waits
 */
export function firstAnswerDeadline({ status }: ValidBinding, timeoutMs: number, now: number): number {
  const reconciling = conditionOf(status, 'Reconciling');
  const isWaiting = reconciling?.reason === 'Verifying';
  const since = isWaiting ? readPastTime(reconciling.lastTransitionTime, now) : now;
  return (since ?? now) + timeoutMs;
}
