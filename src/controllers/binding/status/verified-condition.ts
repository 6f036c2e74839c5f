import { describeAnswer, type RegistryAnswer } from '../../../answer/index.ts';
import type { ConditionReason } from '../../../api/index.ts';
import type { ValidBinding } from '../../../binding/index.ts';
import { expirationOf } from '../../../platform/index.ts';
import { chosenCandidate, expirationState, expirationTime, type Resolution } from '../../../policy/index.ts';
import { describeCandidate } from '../../../secret/index.ts';
import { timestamp } from '../../../text/index.ts';
import type { Resolved } from '../resolve.ts';
import { imageToVerify } from '../verification/index.ts';
import { advise } from './advice.ts';
import type { ConditionContent } from './condition-content.ts';

const MOST_REFUSALS = 3;

/** What CredentialVerified says; undefined where there is nothing to verify. */
export function credentialVerified(binding: ValidBinding, resolved: Resolved): ConditionContent | undefined {
  const { resolution } = resolved.choice;
  if (resolution.result === 'Unresolved') return undefined;
  const who = subjectOf(resolution);
  const { verified } = resolution;
  switch (verified.outcome) {
    case 'Accepted':
      return verified.manifest === 'Known' || !isInQuestion(binding, resolved)
        ? found('True', 'Accepted', `${who}: ${ACCEPTED}`)
        : found('True', 'ManifestUnknown', `${who}: ${READ}`);
    case 'AcceptedBefore': {
      const message = `${who}: accepted before; now ${describeAnswer(verified.answer)}`;
      return found('True', 'AcceptedBefore', message);
    }
    case 'Undecided':
      return found('Unknown', verified.answer.result, `${who}: ${describeAnswer(verified.answer)}`);
    case 'Denied':
      return found('False', refusalReason(resolved), refusals(resolved));
    case 'AsBefore': {
      const { status, reason, message } = verified.reported;
      // The controller alone writes status, and its reasons are these.
      return { type: 'CredentialVerified', status, reason: reason as ConditionReason, message };
    }
    case 'Verifying':
      return found('Unknown', 'Verifying', 'the registry is being asked');
    case 'NotCheckable':
      return found('Unknown', 'NotCheckable', NOT_CHECKABLE);
    case 'Disabled':
      return (
        expiredCredential(resolved) ??
        found('Unknown', 'Disabled', 'verification is Never: no registry is asked')
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

/** What nobody has to be asked for. */
function expiredCredential({ choice, now }: Resolved): ConditionContent | undefined {
  const candidate = chosenCandidate(choice.resolution);
  if (candidate === undefined) return undefined;
  const end = expirationOf(candidate.credential);
  if (expirationState(end, now) !== 'Expired') return undefined;
  return found('False', 'Expired', `${describeCandidate(candidate)} ended at ${expirationTime(end)}`);
}

/** Why there is no credential to use where the registry accepts none. */
export function refusalReason({ credentials: { candidates }, now }: Resolved): 'Denied' | 'Expired' {
  const ended =
    candidates.length > 0 &&
    candidates.every(({ credential }) => expirationState(expirationOf(credential), now) === 'Expired');
  return ended ? 'Expired' : 'Denied';
}

/** Whether the answer is about a version that a scan, or the binding, names now; where none does, `latest` was asked for. */
function isInQuestion(binding: ValidBinding, resolved: Resolved): boolean {
  const { tag, digest } = imageToVerify(binding, resolved);
  const version = digest ?? tag;
  const known = resolved.evidence.answers.get(chosenCandidate(resolved.choice.resolution));
  return version !== undefined && known?.version === version;
}

const ACCEPTED = describeAnswer({ result: 'Pullable' });
const READ = describeAnswer({ result: 'Allowed' });
const NOT_CHECKABLE =
  'the registry wants a credential, and imagePullSecrets names none to ask with: whether nodes have one cannot be reported';

function subjectOf(resolution: Exclude<Resolution, { result: 'Unresolved' }>): string {
  if (resolution.result === 'Withheld')
    return 'nothing is newly bound until the registry accepts a credential';
  const candidate = chosenCandidate(resolution);
  return candidate === undefined ? 'without a credential' : describeCandidate(candidate);
}

function refusals(resolved: Resolved): string {
  const { credentials, evidence } = resolved;
  const { candidates } = credentials;
  const refused = candidates.map((candidate) => {
    return `${describeCandidate(candidate)}${causeOf(evidence.answers.get(candidate)?.answer)}`;
  });
  const more = refused.length > MOST_REFUSALS ? ` and ${refused.length - MOST_REFUSALS} more` : '';
  const shown = refused.slice(0, MOST_REFUSALS).join(', ');
  const who =
    refusalReason(resolved) === 'Expired'
      ? 'every credential that fits has ended'
      : 'the registry refuses every credential that fits';
  return `${who}: ${shown}${more}; nor is the registry known to let everybody pull`;
}

function causeOf(answer: RegistryAnswer | undefined): string {
  if (answer?.result === 'Denied') return ` (HTTP ${answer.httpCode})`;
  return answer?.result === 'Expired' ? ` (ended at ${timestamp(answer.ended)})` : '';
}
