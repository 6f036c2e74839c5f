/** Formats a time (milliseconds since the epoch) as Kubernetes does: RFC 3339, in whole seconds. */
export function timestamp(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

/** Upper bound on the clock skew between two leaders, in milliseconds. No leader writes a time further in the future. */
export const CLOCK_SKEW_MS = 60_000;

/**
 * Reads the time of a past event, in milliseconds since the epoch.
 *
 * @returns `now` if the time is in the future by at most {@link CLOCK_SKEW_MS}; undefined if it is even later, or if the
 *   text is not a time
 */
export function readPastTime(text: string | undefined, now: number): number | undefined {
  const time = Date.parse(text ?? '');
  return time <= now + CLOCK_SKEW_MS ? Math.min(time, now) : undefined;
}
