import type { RegistrySettings } from '../settings.ts';

type Bounds = Pick<RegistrySettings, 'defaultRetryAfter' | 'longestRetryAfter'>;

const SECONDS = /^\d{1,10}$/;
/** `Date.parse` alone makes a date of almost anything. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Until when `Retry-After` asks to wait (RFC 9110, section 10.2.3): seconds or a date. What is neither counts as
 * absent; a time in the past, or too far away, is brought within the bounds.
 *
 * @param now - and the result: milliseconds since 1970
 */
export function retryAt(header: string | undefined, now: number, bounds: Bounds): number {
  const asked = header === undefined ? Number.NaN : wait(header.trim(), now);
  const milliseconds = Number.isNaN(asked) ? bounds.defaultRetryAfter : Math.max(asked, SHORTEST_WAIT);
  return now + Math.min(milliseconds, bounds.longestRetryAfter);
}

const SHORTEST_WAIT = 1_000;

function wait(value: string, now: number): number {
  if (SECONDS.test(value)) return Number(value) * 1_000;
  return HTTP_DATE.test(value) ? Date.parse(value) - now : Number.NaN;
}
