/** A time (milliseconds since the epoch) as Kubernetes writes it: RFC 3339, in whole seconds. */
export function timestamp(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

/** How far the clocks of two leaders may differ, in milliseconds: a time further in the future was not written by one. */
export const CLOCK_SKEW_MS = 60_000;

/**
 * A time that something happened at, in milliseconds since the epoch.
 *
 * @returns undefined for a text that is no time, or one in the future; `now` for one that clocks that differ explain.
 */
export function readPastTime(text: string | undefined, now: number): number | undefined {
  const time = Date.parse(text ?? '');
  return time <= now + CLOCK_SKEW_MS ? Math.min(time, now) : undefined;
}
