import { splitKey } from '../kube/index.ts';

const MINUTE_MS = 60_000;
/** A key looks again at least this often, because others that were before it may have gone. */
const LONGEST_WAIT_MS = 5 * MINUTE_MS;

/** The keys of a namespace that wait, and how many have come and gone since some waited. */
interface Lane {
  /** By key: how many keys of the namespace came before it. */
  readonly tickets: Map<string, number>;
  came: number;
  gone: number;
}

/**
 * Gives out turns, evenly spaced, to namespaces round robin: of n namespaces that wait each gets every n-th turn, however
 * many keys it has. A restart in between starts no burst. Keeps nothing but the keys that wait or have their turn.
 */
export class Pace {
  readonly #spacingMs: number;
  /** By namespace, the one first whose turn it is. */
  readonly #lanes = new Map<string, Lane>();
  /** Keys that have been given a turn and are not done. */
  readonly #given = new Set<string>();
  /** When the next turn is given out. */
  #next = 0;

  /** @param perMinute - at least 1 */
  constructor(perMinute: number) {
    this.#spacingMs = MINUTE_MS / perMinute;
  }

  /**
   * Milliseconds after which the key is to ask again, at most five minutes; 0: it is its turn, and stays so until it is
   * {@link done}. A key that asks more than a turn too late lets others go first.
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
    // Timers are late: a key that has waited passes that on to the next one, up to one turn.
    this.#next = (isNew ? now : Math.max(due, now - this.#spacingMs)) + this.#spacingMs;
    return 0;
  }

  /** The key has had its turn, or needs none any more. */
  done(key: string): void {
    this.#given.delete(key);
    const { namespace } = splitKey(key);
    this.#leave(key, namespace);
  }

  /** Has the key wait in its namespace. */
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

  /** How many turns are given out before this key's, if all keys come in time. */
  #turnsBefore(namespace: string, ticket: number): number {
    // Where keys have gone out of order it may be fewer than there are: then the key asks once too early.
    const rounds = Math.max(0, ticket - (this.#lanes.get(namespace)?.gone ?? 0));
    let turns = rounds;
    let isBefore = true;
    for (const [name, { tickets }] of this.#lanes) {
      if (name === namespace) isBefore = false;
      else turns += Math.min(tickets.size, rounds + (isBefore ? 1 : 0));
    }
    return turns;
  }

  /** The namespace goes to the end, and before it those that have missed their turn. */
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
