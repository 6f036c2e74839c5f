/** A token bucket for Events: the size of a burst, and the interval after which one more is allowed. */
interface Limits {
  readonly burst: number;
  /** Milliseconds. */
  readonly refillMs: number;
}

/** As in the spam filter of client-go (k8s.io/client-go/tools/record/events_cache.go). */
export const PER_OBJECT: Limits = { burst: 25, refillMs: 300_000 };
/** Bounds the Events of a namespace, however many objects it has. */
export const PER_NAMESPACE: Limits = { burst: 2_000, refillMs: 1_000 };
const MOST_BUCKETS = 4_096;

interface Bucket {
  readonly tokens: number;
  /** When the tokens were counted, in milliseconds. */
  readonly at: number;
  /** Whether the limit has been reported. */
  readonly isReported: boolean;
}

/** Bounds the rate of Events about one object, or in one namespace. */
export class EventLimiter {
  readonly #limits: Limits;
  /** By subject of the Events. The subject that has had no Event for the longest time comes first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /**
   * Takes a token for an Event.
   *
   * @param about - the uid of the object, or the name of the namespace
   * @param now - in milliseconds, of a monotonic clock
   * @returns `Allowed`; `LimitReached` for the first Event over the limit; `Suppressed` for later ones
   */
  take(about: string, now: number): 'Allowed' | 'LimitReached' | 'Suppressed' {
    const { burst, refillMs } = this.#limits;
    const { tokens, at, isReported } = this.#buckets.get(about) ?? {
      tokens: burst,
      at: now,
      isReported: false,
    };
    const available = Math.min(burst, tokens + (now - at) / refillMs);
    const isAllowed = available >= 1;
    this.#buckets.delete(about);
    this.#set(about, { tokens: isAllowed ? available - 1 : available, at: now, isReported: !isAllowed });
    if (isAllowed) return 'Allowed';
    return isReported ? 'Suppressed' : 'LimitReached';
  }

  #set(about: string, bucket: Bucket): void {
    this.#buckets.set(about, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MOST_BUCKETS && oldest !== undefined) this.#buckets.delete(oldest);
  }
}
