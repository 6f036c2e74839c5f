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
  readonly askedAt: number;
}

/** What an answer is recalled from. */
type RestoreInput = Omit<Resolved, 'binding' | 'choice' | 'unable'>;

/** A refusal whose code status does not tell: none of our texts rests on it. */
const REFUSED: RegistryAnswer = { result: 'Denied', httpCode: 401, at: 'manifest' };
/** By the reason of CredentialVerified. */
const ACCEPTED: Readonly<Record<string, RegistryAnswer>> = {
  Accepted: { result: 'Pullable' },
  ManifestUnknown: { result: 'Allowed' },
};

/**
 * What the status of a binding still answers after a restart, so that nobody is asked again:
 *
 * | recalled | if |
 * |---|---|
 * | that the credential in use was accepted, at verifiedTime | the Trivy secret holds its present value, and held it then |
 * | that an entry was refused, or its answer proved nothing | its Secret has the version that status names |
 * | that everybody may pull, or not | a condition about the present spec rests on it |
 *
 * Asked again is what status does not answer: of a credential whose value nothing proves to be the one that was
 * accepted (it changed meanwhile, the binding observes only, the Trivy secret has gone), and what could not be asked. A
 * refusal, and an answer about everybody, count from now, for status does not say when they were given.
 */
export function restorableAnswers(
  binding: ValidBinding,
  resolved: RestoreInput,
): readonly RestorableAnswer[] {
  if (binding.verification === 'Never' || binding.status === undefined) return [];
  const { candidates } = resolved.credentials;
  const passed = candidates.flatMap((candidate) => passedOver(binding, candidate, resolved));
  return [...acceptance(binding, resolved), ...passed, ...everybody(binding, resolved)];
}

function acceptance(binding: ValidBinding, resolved: RestoreInput): readonly RestorableAnswer[] {
  const { evidence, trivySecret } = resolved;
  const { status } = binding;
  const { puller: candidate, reported } = evidence.inUse ?? {};
  const askedAt = readPastTime(status?.credential?.verifiedTime, resolved.now);
  const answer = ACCEPTED[reported?.reason ?? ''];
  if (candidate === undefined || answer === undefined || askedAt === undefined) return [];
  if (trivySecret?.place.state !== 'Ours') return [];
  const { secret } = trivySecret.place;
  const isIts = secret.name === status?.trivySecret?.name;
  const isPresent = holdsSource(trivySecret.desired, secret);
  // Status has whole seconds.
  const wasThen = Math.floor((secret.rotatedAt ?? 0) / 1_000) * 1_000 <= askedAt;
  if (!isIts || !isPresent || !wasThen) return [];
  const image = imageToVerify(binding, resolved);
  return [{ check: { image, credential: candidate.credential }, answer, askedAt }];
}

function passedOver(
  { image, status }: ValidBinding,
  candidate: Candidate,
  { credentials, now }: RestoreInput,
): readonly RestorableAnswer[] {
  const listed = status?.candidates?.find(
    ({ secret, registryKey }) => secret === candidate.secret && registryKey === candidate.registryKey,
  );
  const answer = listed === undefined ? undefined : passingAnswer(listed);
  if (answer === undefined || listed?.resourceVersion !== versionOf(candidate, credentials)) return [];
  return [{ check: { image, credential: candidate.credential }, answer, askedAt: now }];
}

function passingAnswer({ result, reason, httpCode }: CandidateStatus): RegistryAnswer | undefined {
  if (result === 'Refused' && httpCode !== undefined) return { result: 'Denied', httpCode, at: 'manifest' };
  return result === 'Available' && reason === 'Inconclusive'
    ? { result: 'Inconclusive', why: 'NotFound' }
    : undefined;
}

/** Nothing that follows from this answer depends on a value that may have changed. */
function everybody(binding: ValidBinding, resolved: RestoreInput): readonly RestorableAnswer[] {
  const answer = everybodysAnswer(binding, resolved.evidence.reported?.reason ?? '');
  if (answer === undefined) return [];
  const image = imageToVerify(binding, resolved);
  return [{ check: { image, credential: undefined }, answer, askedAt: resolved.now }];
}

function everybodysAnswer(binding: ValidBinding, verified: string): RegistryAnswer | undefined {
  const resolved = conditionOf(binding.status, 'CredentialResolved');
  if (resolved === undefined || resolved.observedGeneration !== binding.generation) return undefined;
  if (resolved.reason === 'Anonymous' || resolved.reason === 'NoneNeeded') {
    return verified === 'NotCheckable' ? REFUSED : ACCEPTED[verified];
  }
  // Where no entry fits there is nothing that could be verified.
  return verified === 'Denied' || verified === 'Expired' || resolved.status === 'False' ? REFUSED : undefined;
}
