import { hash } from 'node:crypto';
import type { DiscoveryProblem } from '../decision.ts';

/**
 * Limit on the Events of one namespace within {@link WINDOW_MS}. Otherwise, a pod whose image keeps changing would cause an
 * Event at each change.
 */
const MOST_EVENTS = 20;
const WINDOW_MS = 60_000;

/** What Events have already reported about a namespace. */
export interface Reported {
  /** Hashes of the reported problems that still hold. */
  readonly keys: ReadonlySet<string>;
  /** When the current window began, in milliseconds since the epoch. */
  readonly since: number;
  /** The number of Events in the current window. */
  readonly count: number;
}

export const NOTHING_REPORTED: Reported = { keys: new Set(), since: 0, count: 0 };

/** What to report now, and what later. */
export interface DueEvents {
  readonly problems: readonly DiscoveryProblem[];
  /** The number of problems postponed to the next window. They do not count as reported. */
  readonly postponed: number;
  readonly reported: Reported;
  /** Milliseconds until the next window begins; undefined if none are postponed. */
  readonly requeueAfterMs: number | undefined;
}

/**
 * Selects the problems to report now: those whose content has not been reported yet, within the limit.
 *
 * @param problems - all problems that hold now
 * @param now - milliseconds since the epoch
 */
export function dueEvents(problems: readonly DiscoveryProblem[], before: Reported, now: number): DueEvents {
  // If the clock was set back, a new window begins, too.
  const isOver = Math.abs(now - before.since) >= WINDOW_MS;
  const since = isOver ? now : before.since;
  const earlier = isOver ? 0 : before.count;
  const all = new Map(problems.map((problem) => [keyOf(problem), problem]));
  const unreported = [...all].filter(([key]) => !before.keys.has(key));
  const due = unreported.slice(0, MOST_EVENTS - earlier);
  const postponed = new Set(unreported.slice(due.length).map(([key]) => key));
  const keys = new Set([...all.keys()].filter((key) => !postponed.has(key)));
  return {
    problems: due.map(([, problem]) => problem),
    postponed: postponed.size,
    reported: { keys, since, count: earlier + due.length },
    requeueAfterMs: postponed.size === 0 ? undefined : since + WINDOW_MS - now,
  };
}

/** The key of a problem. Names the workload, not the pod, which is only an example. Hashed, because a note may be long. */
function keyOf({ about, reason, note }: DiscoveryProblem): string {
  const name = about.kind === 'Pod' ? about.pod.use.workload : about.binding.name;
  return hash('sha256', JSON.stringify([about.kind, name, reason, note]), 'base64');
}
