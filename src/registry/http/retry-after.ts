import type { RegistrySettings } from '../settings.ts';

type Bounds = Pick<RegistrySettings, 'defaultRetryAfter' | 'longestRetryAfter'>;

const SECONDS = /^\d{1,10}$/;
/** Required, because `Date.parse` accepts almost any text. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * The time until which `Retry-After` asks to wait (RFC 9110, section 10.2.3). The header contains seconds or a date. Any
 * other value counts as absent. A time in the past or too far in the future is moved into the bounds.
 *
 * @param now - milliseconds since 1970, like the result
 */
export function retryAt(header: string | undefined, now: number, bounds: Bounds): number {
  const requested = header === undefined ? Number.NaN : wait(header.trim(), now);
  const milliseconds = Number.isNaN(requested)
    ? bounds.defaultRetryAfter
    : Math.max(requested, SHORTEST_WAIT);
  return now + Math.min(milliseconds, bounds.longestRetryAfter);
}

const SHORTEST_WAIT = 1_000;

function wait(value: string, now: number): number {
  if (SECONDS.test(value)) return Number(value) * 1_000;
  return HTTP_DATE.test(value) ? Date.parse(value) - now : Number.NaN;
}
