/** How many Events there may be about one thing: so many at once, and then one each time. */
interface Limits {
  readonly burst: number;
  /** Milliseconds. */
  readonly refillMs: number;
}

/** As the spam filter of client-go (k8s.io/client-go/tools/record/events_cache.go). */
export const PER_OBJECT: Limits = { burst: 25, refillMs: 300_000 };
/** Somebody with many objects must not have as many Events written. */
export const PER_NAMESPACE: Limits = { burst: 2_000, refillMs: 1_000 };
const MOST_BUCKETS = 4_096;

interface Bucket {
  readonly tokens: number;
  /** When the tokens were counted, in milliseconds. */
  readonly at: number;
  /** Whether it has been said that there are no more. */
  readonly isSaid: boolean;
}

/** Bounds the rate of Events about one object, or in one namespace. */
export class EventLimiter {
  readonly #limits: Limits;
  /** By what the Events are about, the one that had an Event longest ago first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /**
   * Takes a token for an Event.
   *
   * @param about - the uid of the object, or the name of the namespace
   * @param now - in milliseconds, of any clock that does not go back
   * @returns `Allowed`; `LimitReached` for the first Event too many, `Suppressed` for those after it.
   */
  take(about: string, now: number): 'Allowed' | 'LimitReached' | 'Suppressed' {
    const { burst, refillMs } = this.#limits;
    const { tokens, at, isSaid } = this.#buckets.get(about) ?? { tokens: burst, at: now, isSaid: false };
    const available = Math.min(burst, tokens + (now - at) / refillMs);
    const isAllowed = available >= 1;
    this.#buckets.delete(about);
    this.#set(about, { tokens: isAllowed ? available - 1 : available, at: now, isSaid: !isAllowed });
    if (isAllowed) return 'Allowed';
    return isSaid ? 'Suppressed' : 'LimitReached';
  }

  #set(about: string, bucket: Bucket): void {
    this.#buckets.set(about, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MOST_BUCKETS && oldest !== undefined) this.#buckets.delete(oldest);
  }
}
