import { splitKey } from '../../object/index.ts';

const MINUTE_MS = 60_000;
/** Upper bound on one wait. By then, keys ahead of this one may have left the queue, so that its turn comes earlier. */
const LONGEST_WAIT_MS = 5 * MINUTE_MS;

/** The waiting keys of a namespace, with counts of arrivals and departures since its queue was last empty. */
interface Lane {
  /** By key: how many keys of the namespace arrived before it. */
  readonly tickets: Map<string, number>;
  came: number;
  gone: number;
}

/**
 * Grants evenly spaced turns to namespaces in round-robin order. Of n waiting namespaces, each gets every n-th turn,
 * however many keys it has. A restart of the controller causes no burst. Keeps only keys that wait or have their turn.
 */
export class RunRateLimiter {
  readonly #spacingMs: number;
  /** By namespace. The first one has the next turn. */
  readonly #lanes = new Map<string, Lane>();
  /** Keys that have a turn and are not done. */
  readonly #given = new Set<string>();
  /** When the next turn is granted. */
  #next = 0;

  /** @param perMinute - at least 1 */
  constructor(perMinute: number) {
    this.#spacingMs = MINUTE_MS / perMinute;
  }

  /**
   * Milliseconds after which to call this again for the key, at most five minutes. 0: the key has its turn, and keeps it
   * until {@link done}. If the call comes more than one turn too late, other keys may go first.
   *
   * @param key - `namespace/name`
   */
  wait(key: string, now: number): number {
    if (this.#given.has(key)) return 0;
    const { namespace } = splitKey(key);
    const { ticket, isNew } = this.#ticket(key, namespace);
    const due = this.#next + this.#turnsBefore(namespace, ticket) * this.#spacingMs;
    if (due > now) return Math.min(due - now, LONGEST_WAIT_MS);
    this.#give(key, namespace);
    // Timers fire late. The delay of a key shortens the wait of the next one, by up to one turn.
    this.#next = (isNew ? now : Math.max(due, now - this.#spacingMs)) + this.#spacingMs;
    return 0;
  }

  /** Ends the turn of the key, or removes a key that no longer needs one. */
  done(key: string): void {
    this.#given.delete(key);
    const { namespace } = splitKey(key);
    this.#leave(key, namespace);
  }

  /** Appends the key to the queue of its namespace. */
  #ticket(key: string, namespace: string): { readonly ticket: number; readonly isNew: boolean } {
    const lane = this.#lanes.get(namespace) ?? { tickets: new Map(), came: 0, gone: 0 };
    this.#lanes.set(namespace, lane);
    const known = lane.tickets.get(key);
    if (known !== undefined) return { ticket: known, isNew: false };
    const ticket = lane.came;
    lane.came += 1;
    lane.tickets.set(key, ticket);
    return { ticket, isNew: true };
  }

  /** The number of turns that are granted before this key's, if all calls are on time. */
  #turnsBefore(namespace: string, ticket: number): number {
    // The number may be too low if keys have left the queue out of order. Then the key waits once more.
    const rounds = Math.max(0, ticket - (this.#lanes.get(namespace)?.gone ?? 0));
    let turns = rounds;
    let isBefore = true;
    for (const [name, { tickets }] of this.#lanes) {
      if (name === namespace) isBefore = false;
      else turns += Math.min(tickets.size, rounds + (isBefore ? 1 : 0));
    }
    return turns;
  }

  /** Moves the namespace to the end, behind those that have missed their turn. */
  #give(key: string, namespace: string): void {
    this.#given.add(key);
    for (const [name, lane] of [...this.#lanes]) {
      this.#lanes.delete(name);
      this.#lanes.set(name, lane);
      if (name === namespace) break;
    }
    this.#leave(key, namespace);
  }

  #leave(key: string, namespace: string): void {
    const lane = this.#lanes.get(namespace);
    if (lane?.tickets.delete(key) !== true) return;
    lane.gone += 1;
    if (lane.tickets.size === 0) this.#lanes.delete(namespace);
  }
}
