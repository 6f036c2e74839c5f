import { hash } from 'node:crypto';
import type { Telling } from './tellings.ts';

/**
 * Limit for one namespace within {@link WINDOW_MS}. Otherwise a pod whose image keeps changing would cause an Event at
 * each change.
 */
const MOST_EVENTS = 20;
const WINDOW_MS = 60_000;

/** The reports of a namespace that Events have already made. */
export interface Reported {
  /** Hashes of the reported problems that still hold. */
  readonly keys: ReadonlySet<string>;
  /** When the current window began, in milliseconds since the epoch. */
  readonly since: number;
  /** The number of Events in the current window. */
  readonly count: number;
}

export const NOTHING_REPORTED: Reported = { keys: new Set(), since: 0, count: 0 };

export interface DueEvents {
  readonly events: readonly Telling[];
  /** How many are postponed to the next window. They do not count as reported. */
  readonly postponed: number;
  readonly reported: Reported;
  /** When the next window begins, if some are postponed. */
  readonly lookAgainAfterMs: number | undefined;
}

/**
 * Selects the problems to report now: those whose content has not been reported yet, within the limit.
 *
 * @param tellings - all problems that hold now
 * @param now - milliseconds since the epoch
 */
export function dueEvents(tellings: readonly Telling[], before: Reported, now: number): DueEvents {
  // If the clock was set back, a new window begins, too.
  const isOver = Math.abs(now - before.since) >= WINDOW_MS;
  const since = isOver ? now : before.since;
  const earlier = isOver ? 0 : before.count;
  const all = new Map(tellings.map((telling) => [keyOf(telling), telling]));
  const untold = [...all].filter(([key]) => !before.keys.has(key));
  const due = untold.slice(0, MOST_EVENTS - earlier);
  const left = new Set(untold.slice(due.length).map(([key]) => key));
  const keys = new Set([...all.keys()].filter((key) => !left.has(key)));
  return {
    events: due.map(([, telling]) => telling),
    postponed: left.size,
    reported: { keys, since, count: earlier + due.length },
    lookAgainAfterMs: left.size === 0 ? undefined : since + WINDOW_MS - now,
  };
}

/** Excludes the pod, because it is only an example of its workload. A hash, because a note may be long. */
function keyOf({ about, reason, note }: Telling): string {
  const name = about.kind === 'Pod' ? about.pod.use.workload : about.binding.name;
  return hash('sha256', JSON.stringify([about.kind, name, reason, note]), 'base64');
}
