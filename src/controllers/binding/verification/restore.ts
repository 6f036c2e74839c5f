import type { Check, RegistryAnswer } from '../../../answer/index.ts';
import type { CandidateStatus } from '../../../api/index.ts';
import { conditionOf } from '../../../api/index.ts';
import type { ValidBinding } from '../../../binding/index.ts';
import { versionOf } from '../../../policy/index.ts';
import type { Candidate } from '../../../secret/index.ts';
import { holdsSource } from '../../../secret/index.ts';
import { readPastTime } from '../../../text/index.ts';
import type { Resolved } from '../resolve.ts';
import { imageToVerify } from './requests.ts';

/** An answer from before this process began. */
export interface RestorableAnswer {
  readonly check: Check;
  readonly answer: RegistryAnswer;
  /** Milliseconds since the epoch. */
  readonly requestedAt: number;
}

/** The facts that answers are restored from. */
type RestoreInput = Omit<Resolved, 'binding' | 'choice' | 'unable'>;

/** A refusal whose HTTP code is not in status. No message depends on this code. */
const REFUSED: RegistryAnswer = { result: 'Denied', httpCode: 401, at: 'manifest' };
/** Answers by the reason of CredentialVerified. */
const ACCEPTED: ReadonlyMap<string, RegistryAnswer> = new Map([
  ['Accepted', { result: 'Pullable' }],
  ['ManifestUnknown', { result: 'Allowed' }],
]);

/**
 * The answers in the status of a binding that still apply after a restart, so that their checks are not repeated:
 *
 * | answer | restored if |
 * |---|---|
 * | the credential in use was accepted at verifiedTime | the Trivy Secret holds that credential's current value, and already held it then |
 * | an entry was refused, or its answer was inconclusive | its Secret has the version that status names |
 * | the image is public, or is not | a condition about the current spec depends on it |
 *
 * The controller repeats checks that had no answer, and checks of a credential whose value is not proven to be the accepted
 * one: it has changed since, the binding only observes, or the Trivy Secret no longer exists. A refusal, and an answer about
 * a public image, count from now, because status does not say when they were given.
 */
export function restorableAnswers(
  binding: ValidBinding,
  resolved: RestoreInput,
): readonly RestorableAnswer[] {
  if (binding.verification === 'Never' || binding.status === undefined) return [];
  const { candidates } = resolved.credentials;
  const passedOver = candidates.flatMap((candidate) => passedOverAnswer(binding, candidate, resolved));
  return [...acceptance(binding, resolved), ...passedOver, ...anonymousAnswers(binding, resolved)];
}

function acceptance(binding: ValidBinding, resolved: RestoreInput): readonly RestorableAnswer[] {
  const { evidence, trivySecret } = resolved;
  const { status } = binding;
  const { puller: candidate, reported } = evidence.inUse ?? {};
  const requestedAt = readPastTime(status?.credential?.verifiedTime, resolved.now);
  const answer = ACCEPTED.get(reported?.reason ?? '');
  if (candidate === undefined || answer === undefined || requestedAt === undefined) return [];
  if (trivySecret?.place.state !== 'Ours') return [];
  const { secret } = trivySecret.place;
  const isNamedInStatus = secret.name === status?.trivySecret?.name;
  const hasValue = holdsSource(trivySecret.desired, secret);
  // Times in status are whole seconds.
  const hadValueThen = Math.floor((secret.rotatedAt ?? 0) / 1_000) * 1_000 <= requestedAt;
  if (!isNamedInStatus || !hasValue || !hadValueThen) return [];
  const image = imageToVerify(binding, resolved);
  return [{ check: { image, credential: candidate.credential }, answer, requestedAt }];
}

/** The answer because of which the controller did not choose a candidate. */
function passedOverAnswer(
  { image, status }: ValidBinding,
  candidate: Candidate,
  { credentials, now }: RestoreInput,
): readonly RestorableAnswer[] {
  const listed = status?.candidates?.find(
    ({ secret, registryKey }) => secret === candidate.secret && registryKey === candidate.registryKey,
  );
  const answer = listed === undefined ? undefined : listedAnswer(listed);
  if (answer === undefined || listed?.resourceVersion !== versionOf(candidate, credentials)) return [];
  return [{ check: { image, credential: candidate.credential }, answer, requestedAt: now }];
}

function listedAnswer({ result, reason, httpCode }: CandidateStatus): RegistryAnswer | undefined {
  if (result === 'Refused' && httpCode !== undefined) return { result: 'Denied', httpCode, at: 'manifest' };
  return result === 'Available' && reason === 'Inconclusive'
    ? { result: 'Inconclusive', why: 'NotFound' }
    : undefined;
}

/** The answer to the check without a credential. It does not depend on a value that may have changed. */
function anonymousAnswers(binding: ValidBinding, resolved: RestoreInput): readonly RestorableAnswer[] {
  const answer = anonymousAnswer(binding, resolved.evidence.reported?.reason ?? '');
  if (answer === undefined) return [];
  const image = imageToVerify(binding, resolved);
  return [{ check: { image, credential: undefined }, answer, requestedAt: resolved.now }];
}

function anonymousAnswer(binding: ValidBinding, verified: string): RegistryAnswer | undefined {
  const resolved = conditionOf(binding.status, 'CredentialResolved');
  if (resolved === undefined || resolved.observedGeneration !== binding.generation) return undefined;
  if (resolved.reason === 'Anonymous' || resolved.reason === 'NoneNeeded') {
    return verified === 'NotCheckable' ? REFUSED : ACCEPTED.get(verified);
  }
  // If no entry fits, there is no CredentialVerified. Then only CredentialResolved implies the refusal.
  return verified === 'Denied' || verified === 'Expired' || resolved.status === 'False' ? REFUSED : undefined;
}
