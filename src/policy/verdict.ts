import type { KnownAnswer, RegistryAnswer } from '../answer/index.ts';
import type { Condition } from '../api/index.ts';

/** An answer that neither accepts nor refuses. */
type Undecided = Exclude<RegistryAnswer, { readonly result: 'Pullable' | 'Allowed' | 'Denied' | 'Expired' }>;

/** What CredentialVerified said before this reconcile. */
export type Told = Pick<Condition, 'status' | 'reason' | 'message'>;

/** What CredentialVerified says. */
export type Verdict =
  | { readonly verdict: 'Accepted'; readonly manifest: 'Known' | 'Unknown' }
  | { readonly verdict: 'AcceptedBefore'; readonly answer: Undecided }
  | { readonly verdict: 'Undecided'; readonly answer: Undecided }
  | { readonly verdict: 'Denied' }
  /** There is no answer yet, and nothing was told that could stand meanwhile. */
  | { readonly verdict: 'Verifying' }
  /** There is no answer yet: what status says stays until there is. */
  | { readonly verdict: 'AsBefore'; readonly told: Told }
  /** The registry wants a credential, and the binding has none to show. */
  | { readonly verdict: 'NotCheckable' }
  | { readonly verdict: 'Disabled' };

const UNDECIDED: ReadonlySet<string> = new Set([
  'Unreachable',
  'RateLimited',
  'NotAllowed',
  'Inconclusive',
  'NotCheckable',
] satisfies Undecided['result'][]);

/** Whether what was told is that the registry had neither accepted nor refused. */
export function isUndecided({ reason }: Told): boolean {
  return UNDECIDED.has(reason);
}

/** Whether what was told is that the registry had accepted. */
export function isAccepted(told: Told | undefined): boolean {
  return told?.status === 'True';
}

/** How a credential stands with the registry. */
export type Standing = 'Accepted' | 'Denied' | 'Inconclusive' | 'OutOfReach' | 'Unasked';

/** What was accepted stays so until it is refused: an answer that proves nothing does not end it. */
export function standingOf(known: KnownAnswer | undefined): Standing {
  if (known === undefined) return 'Unasked';
  const { result } = known.answer;
  if (result === 'Denied' || result === 'Expired') return 'Denied';
  if (known.acceptedAt !== undefined) return 'Accepted';
  return result === 'Inconclusive' ? 'Inconclusive' : 'OutOfReach';
}

/**
 * The verdict on one credential.
 *
 * @param told - what status says of this credential; undefined for one that is not in use
 */
export function verdictOn(known: KnownAnswer | undefined, told: Told | undefined): Verdict {
  if (known === undefined) return unanswered(told);
  const { answer, acceptedAt } = known;
  switch (answer.result) {
    case 'Pullable':
      return { verdict: 'Accepted', manifest: 'Known' };
    case 'Allowed':
      return { verdict: 'Accepted', manifest: 'Unknown' };
    case 'Denied':
    case 'Expired':
      return { verdict: 'Denied' };
    default:
      return acceptedAt !== undefined || isAccepted(told)
        ? { verdict: 'AcceptedBefore', answer }
        : { verdict: 'Undecided', answer };
  }
}

function unanswered(told: Told | undefined): Verdict {
  if (told === undefined) return { verdict: 'Verifying' };
  const stands = isAccepted(told) || isUndecided(told);
  return stands ? { verdict: 'AsBefore', told } : { verdict: 'Verifying' };
}

/** Whether a registry has accepted the credential, and not refused it since. */
export function isProven(verdict: Verdict): boolean {
  if (verdict.verdict === 'AsBefore') return isAccepted(verdict.told);
  return verdict.verdict === 'Accepted' || verdict.verdict === 'AcceptedBefore';
}
