import type { KnownAnswer, RegistryAnswer } from '../answer/index.ts';
import type { Condition } from '../api/index.ts';

/** An answer that neither accepts nor refuses. */
type Undecided = Exclude<RegistryAnswer, { readonly result: 'Pullable' | 'Allowed' | 'Denied' | 'Expired' }>;

/** What CredentialVerified said before this reconcile. */
export type ReportedCondition = Pick<Condition, 'status' | 'reason' | 'message'>;

/** What CredentialVerified says. */
export type VerificationOutcome =
  | { readonly outcome: 'Accepted'; readonly manifest: 'Known' | 'Unknown' }
  | { readonly outcome: 'AcceptedBefore'; readonly answer: Undecided }
  | { readonly outcome: 'Undecided'; readonly answer: Undecided }
  | { readonly outcome: 'Denied' }
  /** There is no answer yet, and nothing was reported that could stand meanwhile. */
  | { readonly outcome: 'Verifying' }
  /** There is no answer yet: what status says stays until there is. */
  | { readonly outcome: 'AsBefore'; readonly reported: ReportedCondition }
  /** The registry wants a credential, and the binding has none to show. */
  | { readonly outcome: 'NotCheckable' }
  | { readonly outcome: 'Disabled' };

const UNDECIDED: ReadonlySet<string> = new Set([
  'Unreachable',
  'RateLimited',
  'NotAllowed',
  'Inconclusive',
  'NotCheckable',
] satisfies Undecided['result'][]);

/** Whether what was reported is that the registry had neither accepted nor refused. */
export function isUndecided({ reason }: ReportedCondition): boolean {
  return UNDECIDED.has(reason);
}

/** Whether what was reported is that the registry had accepted. */
export function isAccepted(reported: ReportedCondition | undefined): boolean {
  return reported?.status === 'True';
}

/** How a credential stands with the registry. */
export type Acceptance = 'Accepted' | 'Denied' | 'Inconclusive' | 'OutOfReach' | 'Unasked';

/** What was accepted stays so until it is refused: an answer that proves nothing does not end it. */
export function acceptanceOf(known: KnownAnswer | undefined): Acceptance {
  if (known === undefined) return 'Unasked';
  const { result } = known.answer;
  if (result === 'Denied' || result === 'Expired') return 'Denied';
  if (known.acceptedAt !== undefined) return 'Accepted';
  return result === 'Inconclusive' ? 'Inconclusive' : 'OutOfReach';
}

/**
 * The outcome of verifying one credential.
 *
 * @param reported - what status says of this credential; undefined for one that is not in use
 */
export function outcomeOf(
  known: KnownAnswer | undefined,
  reported: ReportedCondition | undefined,
): VerificationOutcome {
  if (known === undefined) return unanswered(reported);
  const { answer, acceptedAt } = known;
  switch (answer.result) {
    case 'Pullable':
      return { outcome: 'Accepted', manifest: 'Known' };
    case 'Allowed':
      return { outcome: 'Accepted', manifest: 'Unknown' };
    case 'Denied':
    case 'Expired':
      return { outcome: 'Denied' };
    default:
      return acceptedAt !== undefined || isAccepted(reported)
        ? { outcome: 'AcceptedBefore', answer }
        : { outcome: 'Undecided', answer };
  }
}

function unanswered(reported: ReportedCondition | undefined): VerificationOutcome {
  if (reported === undefined) return { outcome: 'Verifying' };
  const stands = isAccepted(reported) || isUndecided(reported);
  return stands ? { outcome: 'AsBefore', reported } : { outcome: 'Verifying' };
}

/** Whether a registry has accepted the credential, and not refused it since. */
export function isProven(verified: VerificationOutcome): boolean {
  if (verified.outcome === 'AsBefore') return isAccepted(verified.reported);
  return verified.outcome === 'Accepted' || verified.outcome === 'AcceptedBefore';
}
