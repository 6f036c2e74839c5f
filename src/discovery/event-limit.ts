import { hash } from 'node:crypto';
import type { Telling } from './tellings.ts';

/** Of one namespace within {@link WINDOW_MS}: a pod whose image changes all the time would cause one at each change. */
const MOST_EVENTS = 20;
const WINDOW_MS = 60_000;

/** What has been reported of a namespace in Events. */
export interface Reported {
  /** Hashes of what still holds. */
  readonly keys: ReadonlySet<string>;
  /** Milliseconds since the epoch: when the present window began. */
  readonly since: number;
  /** How many Events there have been in it. */
  readonly count: number;
}

export const NOTHING_REPORTED: Reported = { keys: new Set(), since: 0, count: 0 };

export interface DueEvents {
  readonly events: readonly Telling[];
  /** How many wait for the next window; not counted as reported. */
  readonly postponed: number;
  readonly reported: Reported;
  /** When the next window begins, if some are postponed. */
  readonly lookAgainAfterMs: number | undefined;
}

/**
 * Chooses what to report now: what has not been reported, by its content, and within the limit.
 *
 * @param tellings - all that holds now
 * @param now - milliseconds since the epoch
 */
export function dueEvents(tellings: readonly Telling[], before: Reported, now: number): DueEvents {
  // A clock that was set back begins a window, too.
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

/** All pods of a workload have the same: one of them is an example. A hash, because a note may be long. */
function keyOf({ about, reason, note }: Telling): string {
  const name = about.kind === 'Pod' ? about.pod.use.workload : about.binding.name;
  return hash('sha256', JSON.stringify([about.kind, name, reason, note]), 'base64');
}
