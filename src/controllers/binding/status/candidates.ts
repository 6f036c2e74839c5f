import type { CandidateStatus, ImageCredentialBindingStatus } from '../../../api/index.ts';
import { acceptanceOf, chosenCandidate, unusableReason, versionOf } from '../../../policy/index.ts';
import type { Candidate } from '../../../secret/index.ts';
import type { Resolved } from '../resolve.ts';

const MOST_CANDIDATES = 16;

/** The candidates in status: the entries that fit, in the order in which they are tried, then each Secret that has none. */
export function candidatesStatus(
  resolved: Resolved,
  before: ImageCredentialBindingStatus | undefined,
): readonly CandidateStatus[] {
  const { candidates, secrets } = resolved.credentials;
  const fitting = candidates.map((candidate): CandidateStatus => {
    const { secret, registryKey } = candidate;
    const listed = before?.candidates?.find(
      (one) => one.secret === secret && one.registryKey === registryKey,
    );
    if (listed !== undefined && wasNotReached(candidate, resolved)) return listed;
    return { secret, registryKey, ...resultOf(candidate, resolved, listed) };
  });
  const without = secrets
    .filter(({ name }) => !candidates.some(({ secret }) => secret === name))
    .map(
      (secret): CandidateStatus => ({
        secret: secret.name,
        result: 'Unusable',
        reason: unusableReason(secret),
      }),
    );
  return [...fitting, ...without].slice(0, MOST_CANDIDATES);
}

/** Whether the walk stopped before this candidate because an earlier answer is pending. Its status entry is kept until then. */
function wasNotReached(candidate: Candidate, { choice: { resolution, restsOn } }: Resolved): boolean {
  const isAsBefore = resolution.result !== 'Unresolved' && resolution.verified.outcome === 'AsBefore';
  return isAsBefore && !restsOn.includes(candidate);
}

type Result = Omit<CandidateStatus, 'secret' | 'registryKey'>;

function resultOf(candidate: Candidate, resolved: Resolved, listed: CandidateStatus | undefined): Result {
  const { choice, evidence, credentials } = resolved;
  const answer = choice.restsOn.includes(candidate) ? evidence.answers.get(candidate)?.answer : undefined;
  const resourceVersion = versionOf(candidate, credentials);
  if (answer?.result === 'Denied') {
    const { httpCode } = answer;
    return { result: 'Refused', reason: 'Denied', httpCode, ...(resourceVersion && { resourceVersion }) };
  }
  if (answer?.result === 'Expired') return { result: 'Refused', reason: 'Expired' };
  const result = chosenCandidate(choice.resolution) === candidate ? 'Selected' : 'Available';
  const reason = reasonOf(candidate, resolved, listed?.result === result ? listed : undefined);
  // With the version, this answer is restored from status after a restart.
  const isRestorable = result === 'Available' && reason === 'Inconclusive';
  return { result, reason, ...(isRestorable && resourceVersion && { resourceVersion }) };
}

/** The reason in status stays until there is an answer. */
function reasonOf(
  candidate: Candidate,
  { choice, evidence }: Resolved,
  listed: CandidateStatus | undefined,
): string {
  if (evidence.verification === 'Never')
    return candidate === chosenCandidate(choice.resolution) ? 'FirstMatch' : 'NotNeeded';
  if (!choice.restsOn.includes(candidate)) return 'NotNeeded';
  const known = evidence.answers.get(candidate);
  if (known === undefined) return isAnswered(listed) ? listed.reason : 'Verifying';
  return acceptanceOf(known) === 'Accepted' ? 'Accepted' : known.answer.result;
}

/**
 * Whether the reason in status may stay while no answer is known. A reason with a `resourceVersion` may not. It applies only to
 * that version of the Secret, and if the Secret still had that version, the answer would have been restored from status.
 */
function isAnswered(listed: CandidateStatus | undefined): listed is CandidateStatus {
  return listed !== undefined && listed.resourceVersion === undefined && !UNANSWERED.has(listed.reason);
}

const UNANSWERED: ReadonlySet<string> = new Set(['FirstMatch', 'NotNeeded']);
