import { Limiter, type Waiting } from './limiter.ts';

/** `background` work waits until no `normal` work waits, except that it gets every fourth place. */
export type Priority = 'normal' | 'background';

/** While background work waits, it gets one of this many places, so that a flood of other work cannot starve it. */
const BACKGROUND_EVERY = 4;

/**
 * Limits concurrent work to a number of places. Waiting work gets a place in the order of arrival, work of `normal`
 * priority before `background` work, except that every fourth place goes to background work.
 */
export class PriorityLimiter extends Limiter<Priority> {
  readonly #waiting: Readonly<Record<Priority, Set<Waiting<Priority>>>> = {
    normal: new Set(),
    background: new Set(),
  };
  #free: number;
  /** Places given to waiting work since background work last got one. */
  #sinceBackground = 0;

  constructor(places: number) {
    super();
    this.#free = places;
  }

  protected override tryEnter(): boolean {
    if (this.#free === 0) return false;
    this.#free -= 1;
    return true;
  }

  protected override leave(): void {
    this.#free += 1;
  }

  protected override addWaiting(waiting: Waiting<Priority>): void {
    this.#waiting[waiting.claim].add(waiting);
  }

  protected override removeWaiting(waiting: Waiting<Priority>): void {
    this.#waiting[waiting.claim].delete(waiting);
  }

  protected override takeNext(): Waiting<Priority> | undefined {
    if (this.#free === 0) return undefined;
    const { normal, background } = this.#waiting;
    this.#sinceBackground += 1;
    const first = this.#sinceBackground >= BACKGROUND_EVERY ? background : normal;
    const from = first.size > 0 ? first : first === normal ? background : normal;
    if (from === background) this.#sinceBackground = 0;
    const [next] = from;
    if (next === undefined) return undefined;
    from.delete(next);
    this.#free -= 1;
    return next;
  }
}
