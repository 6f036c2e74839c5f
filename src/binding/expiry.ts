import type { Candidate } from '../credential/index.ts';
import { endOf } from '../platform/index.ts';
import { timestamp } from './timestamp.ts';

/** So long before a credential ends it is warned about. */
const WARNING_MS = 3_600_000;

/** When what is said of these credentials changes by itself, in milliseconds since the epoch. */
export function expiryTimes(candidates: readonly Candidate[]): readonly number[] {
  return candidates.flatMap(({ credential }) => {
    const end = endOf(credential);
    return end === undefined ? [] : [end - WARNING_MS, end];
  });
}

/** When a credential ends, as an RFC 3339 time; undefined: it does not say. */
export function expirationTime({ credential }: Candidate): string | undefined {
  const end = endOf(credential);
  return end === undefined ? undefined : timestamp(end);
}

/** How a credential stands to its end. */
export function expiryOf({ credential }: Candidate, now: number): 'Later' | 'Soon' | 'Over' {
  const end = endOf(credential) ?? Number.POSITIVE_INFINITY;
  if (end <= now) return 'Over';
  return end <= now + WARNING_MS ? 'Soon' : 'Later';
}
