import { describeAnswer, type RegistryAnswer } from '../../../answer/index.ts';
import type { ConditionReason } from '../../../api/index.ts';
import type { ValidBinding } from '../../../binding/index.ts';
import { expirationOf } from '../../../platform/index.ts';
import { delivered, expirationTime, expiryOf, type Resolution } from '../../../policy/index.ts';
import type { Candidate } from '../../../secret/index.ts';
import { quoted, timestamp } from '../../../text/index.ts';
import type { Observed } from '../observe.ts';
import { imageInQuestion } from '../verification/index.ts';
import { advise } from './advice.ts';

const MOST_REFUSALS = 3;

/** CredentialVerified, before it is known whether it is new. */
interface VerifiedFinding {
  readonly type: 'CredentialVerified';
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: ConditionReason;
  readonly message: string;
}

/** What CredentialVerified says; undefined where there is nothing to verify. */
export function verifiedFinding(binding: ValidBinding, observed: Observed): VerifiedFinding | undefined {
  const { resolution } = observed.choice;
  if (resolution.result === 'Unresolved') return undefined;
  const who = subjectOf(resolution);
  const { verdict } = resolution;
  switch (verdict.verdict) {
    case 'Accepted':
      return verdict.manifest === 'Known' || !isInQuestion(binding, observed)
        ? found('True', 'Accepted', `${who}: ${ACCEPTED}`)
        : found('True', 'ManifestUnknown', `${who}: ${READ}`);
    case 'AcceptedBefore': {
      const message = `${who}: accepted before; now ${describeAnswer(verdict.answer)}`;
      return found('True', 'AcceptedBefore', message);
    }
    case 'Undecided':
      return found('Unknown', verdict.answer.result, `${who}: ${describeAnswer(verdict.answer)}`);
    case 'Denied':
      return found('False', refusalReason(observed), refusals(observed));
    case 'AsBefore': {
      const { status, reason, message } = verdict.told;
      // The controller alone writes status, and its reasons are these.
      return { type: 'CredentialVerified', status, reason: reason as ConditionReason, message };
    }
    case 'Verifying':
      return found('Unknown', 'Verifying', 'the registry is being asked');
    case 'NotCheckable':
      return found('Unknown', 'NotCheckable', NOT_CHECKABLE);
    case 'Disabled':
      return (
        endedFinding(observed) ?? found('Unknown', 'Disabled', 'verification is Never: no registry is asked')
      );
  }
}

function found(status: VerifiedFinding['status'], reason: ConditionReason, message: string): VerifiedFinding {
  return { type: 'CredentialVerified', status, reason, message: advise(message, reason) };
}

/** What nobody has to be asked for. */
function endedFinding({ choice, now }: Observed): VerifiedFinding | undefined {
  const candidate = delivered(choice.resolution);
  if (candidate === undefined) return undefined;
  const end = expirationOf(candidate.credential);
  if (expiryOf(end, now) !== 'Over') return undefined;
  return found('False', 'Expired', `${nameOf(candidate)} ended at ${expirationTime(end)}`);
}

/** Why there is no credential to use where the registry accepts none. */
export function refusalReason({ credentials: { candidates }, now }: Observed): 'Denied' | 'Expired' {
  const ended =
    candidates.length > 0 &&
    candidates.every(({ credential }) => expiryOf(expirationOf(credential), now) === 'Over');
  return ended ? 'Expired' : 'Denied';
}

/** Whether the answer is about a version that a scan, or the binding, names now; where none does, `latest` was asked for. */
function isInQuestion(binding: ValidBinding, observed: Observed): boolean {
  const { tag, digest } = imageInQuestion(binding, observed);
  const version = digest ?? tag;
  const known = observed.evidence.answers.get(delivered(observed.choice.resolution));
  return version !== undefined && known?.version === version;
}

const ACCEPTED = describeAnswer({ result: 'Pullable' });
const READ = describeAnswer({ result: 'Allowed' });
const NOT_CHECKABLE =
  'the registry wants a credential, and imagePullSecrets names none to ask with: whether nodes have one cannot be told';

function subjectOf(resolution: Exclude<Resolution, { result: 'Unresolved' }>): string {
  if (resolution.result === 'Withheld')
    return 'nothing is newly bound until the registry accepts a credential';
  const candidate = delivered(resolution);
  return candidate === undefined ? 'without a credential' : nameOf(candidate);
}

/** A candidate, for messages: one whose key could hold a secret is no entry. */
export function nameOf(entry: Omit<Candidate, 'credential'> & Partial<Candidate>): string {
  const { credential } = entry;
  if (credential?.kind === 'platform') return `${credential.description} of Secret ${entry.secret}`;
  return `entry ${quoted(entry.registryKey)} of Secret ${entry.secret}`;
}

function refusals(observed: Observed): string {
  const { credentials, evidence } = observed;
  const { candidates } = credentials;
  const refused = candidates.map((candidate) => {
    return `${nameOf(candidate)}${causeOf(evidence.answers.get(candidate)?.answer)}`;
  });
  const more = refused.length > MOST_REFUSALS ? ` and ${refused.length - MOST_REFUSALS} more` : '';
  const shown = refused.slice(0, MOST_REFUSALS).join(', ');
  const who =
    refusalReason(observed) === 'Expired'
      ? 'every credential that fits has ended'
      : 'the registry refuses every credential that fits';
  return `${who}: ${shown}${more}; nor is the registry known to let everybody pull`;
}

function causeOf(answer: RegistryAnswer | undefined): string {
  if (answer?.result === 'Denied') return ` (HTTP ${answer.httpCode})`;
  return answer?.result === 'Expired' ? ` (ended at ${timestamp(answer.ended)})` : '';
}
