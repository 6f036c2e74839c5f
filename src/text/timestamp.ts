/** Formats a time (milliseconds since the epoch) as Kubernetes does: RFC 3339, in whole seconds. */
export function timestamp(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

/** Upper bound on the clock skew between two leaders, in milliseconds. No leader writes a time further in the future. */
export const CLOCK_SKEW_MS = 60_000;

/**
 * Reads the time of a past event, in milliseconds since the epoch.
 *
 * @returns undefined if the text is not a time, or is a time in the future; `now` if clock skew explains the future time
 */
export function readPastTime(text: string | undefined, now: number): number | undefined {
  const time = Date.parse(text ?? '');
  return time <= now + CLOCK_SKEW_MS ? Math.min(time, now) : undefined;
}
