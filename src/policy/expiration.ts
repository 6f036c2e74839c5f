import { expirationOf } from '../platform/index.ts';
import type { Candidate, DesiredTrivySecret } from '../secret/index.ts';
import { timestamp } from '../text/index.ts';

/** The warning begins this long before a credential expires. */
const WARNING_MS = 3_600_000;

/**
 * When the state of a credential changes because of its expiration: see {@link expirationState}. Times are in milliseconds
 * since the epoch.
 */
export function expirationChanges(expiresAt: number | undefined): readonly number[] {
  return expiresAt === undefined ? [] : [expiresAt - WARNING_MS, expiresAt];
}

/** An expiration as an RFC 3339 time; undefined: the credential never expires, or does not say when. */
export function expirationTime(expiresAt: number | undefined): string | undefined {
  return expiresAt === undefined ? undefined : timestamp(expiresAt);
}

/**
 * The expiration of the credential that Trivy uses: that of the candidate, or of the login that the cloud issued for it,
 * whichever is sooner.
 */
export function expirationInUse(
  { credential }: Candidate,
  desired: Pick<DesiredTrivySecret, 'loginExpiresAt'> | undefined,
): number | undefined {
  const times = [expirationOf(credential), desired?.loginExpiresAt].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Whether a credential has expired, expires within an hour, or expires later or never. */
export function expirationState(expiresAt: number | undefined, now: number): 'Later' | 'Soon' | 'Expired' {
  if (expiresAt === undefined) return 'Later';
  if (expiresAt <= now) return 'Expired';
  return expiresAt <= now + WARNING_MS ? 'Soon' : 'Later';
}
