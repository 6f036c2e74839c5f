import { expirationOf } from '../platform/index.ts';
import type { Candidate, DesiredTrivySecret } from '../secret/index.ts';
import { timestamp } from '../text/index.ts';

/** So long before a credential ends it is warned about. */
const WARNING_MS = 3_600_000;

/** When what is said of something that ends then changes by itself. Times are in milliseconds since the epoch. */
export function expiryTimes(end: number | undefined): readonly number[] {
  return end === undefined ? [] : [end - WARNING_MS, end];
}

/** An end as an RFC 3339 time; undefined: there is none. */
export function expirationTime(end: number | undefined): string | undefined {
  return end === undefined ? undefined : timestamp(end);
}

/** When that ends which Trivy has of a candidate: the credential, or before it the login that a cloud gave for it. */
export function endInUse(
  { credential }: Candidate,
  desired: Pick<DesiredTrivySecret, 'loginEnds'> | undefined,
): number | undefined {
  const ends = [expirationOf(credential), desired?.loginEnds].filter((end) => end !== undefined);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

/** How something stands to its end. */
export function expiryOf(end: number | undefined, now: number): 'Later' | 'Soon' | 'Over' {
  if (end === undefined) return 'Later';
  if (end <= now) return 'Over';
  return end <= now + WARNING_MS ? 'Soon' : 'Later';
}
