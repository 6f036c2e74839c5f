import { adviceOn, describeAnswer, type RegistryAnswer } from '../../../answer/index.ts';
import type { ConditionReason } from '../../../api/index.ts';
import type { ValidBinding } from '../../../binding/index.ts';
import { expirationOf, faultsIn } from '../../../platform/index.ts';
import { chosenCandidate, expirationState, expirationTime, type Resolution } from '../../../policy/index.ts';
import { type Candidate, describeCandidate } from '../../../secret/index.ts';
import { timestamp } from '../../../text/index.ts';
import type { Resolved } from '../resolve.ts';
import { imageToVerify } from '../verification/index.ts';
import { advise } from './advice.ts';
import type { ConditionContent } from './condition-content.ts';

const MOST_REFUSALS = 3;

/** The condition CredentialVerified; undefined: there is no credential to verify. */
export function credentialVerified(binding: ValidBinding, resolved: Resolved): ConditionContent | undefined {
  const { resolution } = resolved.choice;
  if (resolution.result === 'Unresolved') return undefined;
  const subject = subjectOf(resolution);
  const { verified } = resolution;
  switch (verified.outcome) {
    case 'Accepted':
      return verified.manifest === 'Known' || !isAboutCurrentVersion(binding, resolved)
        ? found('True', 'Accepted', `${subject}: ${ACCEPTED}`)
        : found('True', 'ManifestUnknown', `${subject}: ${READ}`);
    case 'AcceptedBefore': {
      const message = `${subject}: accepted earlier, but cannot be checked now: ${describeAnswer(verified.answer)}`;
      return found('True', 'AcceptedBefore', message);
    }
    case 'Undecided': {
      const { answer } = verified;
      const message = advise(`${subject}: ${describeAnswer(answer)}`, answer.result, adviceOn(answer));
      return { type: 'CredentialVerified', status: 'Unknown', reason: answer.result, message };
    }
    case 'Denied':
      return found('False', refusalReason(resolved), refusals(resolved));
    case 'AsBefore': {
      const { status, reason, message } = verified.reported;
      // Only the controller writes status, so the reason is one that it defines.
      return { type: 'CredentialVerified', status, reason: reason as ConditionReason, message };
    }
    case 'Verifying':
      return found('Unknown', 'Verifying', 'the check with the registry is pending');
    case 'NotCheckable':
      return found('Unknown', 'NotCheckable', NOT_CHECKABLE);
    case 'Disabled':
      return (
        expiredCredential(resolved) ??
        found('Unknown', 'Disabled', 'spec.verification is Never, so the controller checks no credential')
      );
  }
}

function found(
  status: ConditionContent['status'],
  reason: ConditionReason,
  message: string,
): ConditionContent {
  return { type: 'CredentialVerified', status, reason, message: advise(message, reason) };
}

/** The condition if the chosen credential has expired, which the controller knows without a check; undefined: it has not. */
function expiredCredential({ choice, now }: Resolved): ConditionContent | undefined {
  const candidate = chosenCandidate(choice.resolution);
  if (candidate === undefined) return undefined;
  const expiresAt = expirationOf(candidate.credential);
  if (expirationState(expiresAt, now) !== 'Expired') return undefined;
  return found('False', 'Expired', `${describeCandidate(candidate)} expired at ${expirationTime(expiresAt)}`);
}

/** Why no credential can be used if the registry accepts none of them. */
export function refusalReason({ credentials: { candidates }, now }: Resolved): 'Denied' | 'Expired' {
  const haveExpired =
    candidates.length > 0 &&
    candidates.every(({ credential }) => expirationState(expirationOf(credential), now) === 'Expired');
  return haveExpired ? 'Expired' : 'Denied';
}

/** Whether the answer is about a version that a scan or the binding names now. If none is named, `latest` was checked. */
function isAboutCurrentVersion(binding: ValidBinding, resolved: Resolved): boolean {
  const { tag, digest } = imageToVerify(binding, resolved);
  const version = digest ?? tag;
  const known = resolved.evidence.answers.get(chosenCandidate(resolved.choice.resolution));
  return version !== undefined && known?.version === version;
}

const ACCEPTED = describeAnswer({ result: 'Pullable' });
const READ = describeAnswer({ result: 'Allowed' });
const NOT_CHECKABLE =
  'the registry requires a credential, and spec.imagePullSecrets is empty, so the controller cannot check whether nodes have one';

function subjectOf(resolution: Exclude<Resolution, { result: 'Unresolved' }>): string {
  if (resolution.result === 'Withheld')
    return 'no further scans are bound until the registry accepts a credential';
  const candidate = chosenCandidate(resolution);
  return candidate === undefined ? 'without a credential' : describeCandidate(candidate);
}

function refusals(resolved: Resolved): string {
  const { credentials, evidence } = resolved;
  const { candidates } = credentials;
  const refused = candidates.slice(0, MOST_REFUSALS).map((candidate) => {
    return `${describeCandidate(candidate)}${causeOf(candidate, evidence.answers.get(candidate)?.answer)}`;
  });
  const more = candidates.length > MOST_REFUSALS ? ` and ${candidates.length - MOST_REFUSALS} more` : '';
  const shown = refused.join(', ');
  const subject =
    refusalReason(resolved) === 'Expired'
      ? 'every credential that fits has expired'
      : 'the registry refuses every credential that fits';
  return `${subject}: ${shown}${more}; the image is not known to be public`;
}

/** The registry's answer about a candidate, with what may be the mistake in its login. */
function causeOf({ credential }: Candidate, answer: RegistryAnswer | undefined): string {
  if (answer?.result === 'Denied')
    return ` (${[`HTTP ${answer.httpCode}`, ...faultsIn(credential)].join('; ')})`;
  return answer?.result === 'Expired' ? ` (expired at ${timestamp(answer.expiredAt)})` : '';
}
