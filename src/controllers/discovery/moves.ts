import type { OwnBinding } from './binding.ts';
import { latest, type Place, type Usage } from './usage.ts';

/**
 * A binding lists a user for one repository and for the repositories of its last moves. `spec.replaces` accepts no more
 * than these.
 */
const MOST_LISTED = 16;

/** A container of a workload that has gone from one repository to another, or is about to. */
export interface Move {
  readonly from: string;
  readonly to: string;
  /** Whether pods of both are there. */
  readonly underWay: boolean;
}

/**
 * The moves that can be told from pods and bindings (`owned`, by repository). Of a container's repositories one is where it goes: the one of the
 * latest pod, but once `replaces` says so, that holds until no pod uses it any more (in a rollout old pods, too, are
 * created anew now and then). The others are where it comes from: what other pods use, and what a binding lists the
 * container for that no pod of it uses any more (all pods of a rollout may end before the first new one begins).
 */
export function movesOf(usage: Usage, owned: ReadonlyMap<string, OwnBinding>): readonly Move[] {
  const listed = repositoriesByUser(owned);
  const moves = new Map<string, Move>();
  for (const [user, place] of usage.places) {
    const to = destinationOf(place, owned);
    if (to === undefined) continue;
    const origins = new Set([...place.current.keys(), ...place.former, ...(listed.get(user) ?? [])]);
    origins.delete(to);
    for (const from of origins) {
      const underWay = place.current.has(from) || moves.get(`${from} ${to}`)?.underWay === true;
      moves.set(`${from} ${to}`, { from, to, underWay });
    }
  }
  return [...moves.values()];
}

function repositoriesByUser(owned: ReadonlyMap<string, OwnBinding>): ReadonlyMap<string, readonly string[]> {
  const listed = new Map<string, string[]>();
  for (const [repository, { users }] of owned) {
    for (const user of users) {
      const repositories = listed.get(user);
      if (repositories === undefined) listed.set(user, [repository]);
      else if (repositories.length < MOST_LISTED) repositories.push(repository);
    }
  }
  return listed;
}

function destinationOf({ current }: Place, owned: ReadonlyMap<string, OwnBinding>): string | undefined {
  const replaced = new Set(
    [...current.keys()].flatMap((repository) => owned.get(repository)?.replaces ?? []),
  );
  const left = new Map([...current].filter(([repository]) => !replaced.has(repository)));
  const [to, ...others] = latest(left.size === 0 ? current : left).keys();
  // Of pods that are created within the same second none is the later one; one side ends before long.
  return others.length === 0 ? to : undefined;
}
