import type { KnownAnswer, RegistryAnswer } from '../answer/index.ts';
import type { Condition } from '../api/index.ts';

/** An answer that neither accepts nor refuses. */
type Undecided = Exclude<RegistryAnswer, { readonly result: 'Pullable' | 'Allowed' | 'Denied' | 'Expired' }>;

/** What CredentialVerified reported before this reconcile. */
export type ReportedCondition = Pick<Condition, 'status' | 'reason' | 'message'>;

/** The outcome that CredentialVerified reports. */
export type VerificationOutcome =
  | { readonly outcome: 'Accepted'; readonly manifest: 'Known' | 'Unknown' }
  | { readonly outcome: 'AcceptedBefore'; readonly answer: Undecided }
  | { readonly outcome: 'Undecided'; readonly answer: Undecided }
  | { readonly outcome: 'Denied' }
  /** There is no answer yet, and no earlier report to keep until then. */
  | { readonly outcome: 'Verifying' }
  /** There is no answer yet. The condition in status stays until there is one. */
  | { readonly outcome: 'AsBefore'; readonly reported: ReportedCondition }
  /** The registry requires a credential, and the binding names no Secret. */
  | { readonly outcome: 'NotCheckable' }
  | { readonly outcome: 'Disabled' };

const UNDECIDED: ReadonlySet<string> = new Set([
  'Unreachable',
  'RateLimited',
  'NotAllowed',
  'Inconclusive',
  'NotCheckable',
] satisfies Undecided['result'][]);

/** Whether the condition reports that the registry has neither accepted nor refused the credential. */
export function isUndecided({ reason }: ReportedCondition): boolean {
  return UNDECIDED.has(reason);
}

/** Whether the condition reports that the registry has accepted the credential. */
export function isAccepted(reported: ReportedCondition | undefined): boolean {
  return reported?.status === 'True';
}

/** Whether a registry accepts a credential. `OutOfReach`: the check could not be done. `Unchecked`: there is no answer yet. */
export type Acceptance = 'Accepted' | 'Denied' | 'Inconclusive' | 'OutOfReach' | 'Unchecked';

/** The acceptance of a credential. An accepted credential stays accepted until the registry refuses it. */
export function acceptanceOf(known: KnownAnswer | undefined): Acceptance {
  if (known === undefined) return 'Unchecked';
  const { result } = known.answer;
  if (result === 'Denied' || result === 'Expired') return 'Denied';
  if (known.acceptedAt !== undefined) return 'Accepted';
  return result === 'Inconclusive' ? 'Inconclusive' : 'OutOfReach';
}

/**
 * The outcome of verifying one credential.
 *
 * @param reported - the condition in status about this credential; undefined: the credential is not in use
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
  const keepsReport = isAccepted(reported) || isUndecided(reported);
  return keepsReport ? { outcome: 'AsBefore', reported } : { outcome: 'Verifying' };
}

/** Whether a registry has accepted the credential and has not refused it since. */
export function isProven(verified: VerificationOutcome): boolean {
  if (verified.outcome === 'AsBefore') return isAccepted(verified.reported);
  return verified.outcome === 'Accepted' || verified.outcome === 'AcceptedBefore';
}
