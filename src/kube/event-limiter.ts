/** As the spam filter of client-go (k8s.io/client-go/tools/record/events_cache.go). */
const BURST = 25;
const REFILL_MS = 300_000;
const MOST_OBJECTS = 4_096;

interface Bucket {
  readonly tokens: number;
  /** When the tokens were counted, in milliseconds. */
  readonly at: number;
  /** Whether it has been said that there are no more. */
  readonly isSaid: boolean;
}

/** Bounds the rate of Events about one object: 25 at once, then one every five minutes. */
export class EventLimiter {
  /** By uid of the object, the one that had an Event longest ago first. */
  readonly #buckets = new Map<string, Bucket>();

  /**
   * Takes a token for an Event about an object.
   *
   * @param now - in milliseconds, of any clock that does not go back
   * @returns `Allowed`; `LimitReached` for the first Event too many, `Suppressed` for those after it.
   */
  take(uid: string, now: number): 'Allowed' | 'LimitReached' | 'Suppressed' {
    const { tokens, at, isSaid } = this.#buckets.get(uid) ?? { tokens: BURST, at: now, isSaid: false };
    const available = Math.min(BURST, tokens + (now - at) / REFILL_MS);
    const isAllowed = available >= 1;
    this.#buckets.delete(uid);
    this.#set(uid, { tokens: isAllowed ? available - 1 : available, at: now, isSaid: !isAllowed });
    if (isAllowed) return 'Allowed';
    return isSaid ? 'Suppressed' : 'LimitReached';
  }

  #set(uid: string, bucket: Bucket): void {
    this.#buckets.set(uid, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MOST_OBJECTS && oldest !== undefined) this.#buckets.delete(oldest);
  }
}
