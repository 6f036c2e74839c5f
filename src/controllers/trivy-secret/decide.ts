import { isHeldHere, type SecretUser } from '../../scan/index.ts';
import { CLOCK_SKEW_MS } from '../../text/index.ts';

/** The facts that decide whether a Trivy Secret is kept. */
export interface TrivySecretUse {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly unusedSince: number | undefined;
  readonly graceMs: number;
  /** Whether the source Secret still has the credential, as far as is known. */
  readonly sourceHolds: boolean;
  /** Whether a binding selects the credential in it; undefined: a possible binding has not been reconciled yet. */
  readonly selected: boolean | undefined;
  /** Whether ScheduledScans mount it. */
  readonly mounted: boolean;
  /** Whether a Scan that has not ended mounts it. The Secret must exist until then, because the pod needs it. */
  readonly running: boolean;
}

export type TrivySecretDecision =
  | { readonly action: 'Keep'; readonly requeueAfterMs?: number }
  | { readonly action: 'MarkUnused'; readonly requeueAfterMs: number }
  | { readonly action: 'MarkUsed' }
  | { readonly action: 'Delete' };

/**
 * A Trivy Secret that no binding selects is kept while scans mount it, because bound scans stay bound. It is not kept if its
 * owner has withdrawn the credential, by deleting the source Secret or removing the entry. An unused Trivy Secret is deleted
 * only after a grace period.
 */
export function decideTrivySecret(use: TrivySecretUse): TrivySecretDecision {
  if (use.selected === true || (use.mounted && use.sourceHolds))
    return { action: use.unusedSince === undefined ? 'Keep' : 'MarkUsed' };
  if (use.selected === undefined) return { action: 'Keep' };
  if (use.unusedSince === undefined || use.unusedSince > use.now + CLOCK_SKEW_MS)
    return { action: 'MarkUnused', requeueAfterMs: use.graceMs };
  const left = use.unusedSince + use.graceMs - use.now;
  if (left > 0) return { action: 'Keep', requeueAfterMs: left };
  return { action: use.running ? 'Keep' : 'Delete' };
}

/**
 * | the Scan | then the temporary Secret is |
 * |---|---|
 * | does not exist | deleted |
 * | is held | kept, because the Scan is about to mount it |
 * | mounts it, and its scanner has not ended | kept |
 * | mounts it, and its scanner has ended | deleted |
 * | was resumed without it | deleted |
 *
 * @param scan - undefined: it does not exist, or is another one of the same name
 * @param name - the name of the Secret
 */
export function decideTemporarySecret(scan: SecretUser | undefined, name: string): 'Keep' | 'Delete' {
  if (scan === undefined) return 'Delete';
  if (isHeldHere(scan.hold)) return 'Keep';
  return scan.secretName === name && !scan.isScanned ? 'Keep' : 'Delete';
}
