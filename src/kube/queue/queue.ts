import { namespaceOf } from '../../object/index.ts';
import { RateLimiter } from './rate-limiter.ts';

/** The longest delay of a timer in Node. A timer with a longer one would fire at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** How a reconcile ended. */
export interface Outcome {
  /** The key is processed again after at most this time. */
  readonly requeueAfterMs?: number | undefined;
  /**
   * Whether the reconcile wrote what it had written just before. Another actor may be undoing the writes, so the queue
   * delays the next ones.
   */
  readonly repeated?: boolean;
  /** What went wrong, if work is left. Has the same effect as an error that is thrown. */
  readonly error?: unknown;
}

/** How one processing of a key ended, for metrics and logs. */
interface Processed {
  readonly key: string;
  /** How long the key was in the queue, without the time for which it was delayed. */
  readonly waitedSeconds: number;
  readonly seconds: number;
  readonly error: unknown;
}

export interface QueueOptions {
  readonly process: (key: string) => Promise<Outcome>;
  readonly concurrency: number;
  readonly onProcessed?: (processed: Processed) => void;
}

/**
 * A work queue with client-go's semantics (k8s.io/client-go/util/workqueue): a key is at most once in the queue and
 * never processed twice at the same time. If it is added while it is processed, it is processed once more afterwards. A key
 * whose processing fails is retried after a growing delay, which success resets. The delay is at least the one that the API
 * server requests (`Retry-After`).
 *
 * Unlike client-go's queue, it is fair between namespaces, so that the backlog of one namespace delays a key of another
 * only by a bounded time. Waiting namespaces take turns, one key at a time. None has more than half of the concurrency.
 * Each turn of the event loop starts one key, so that the synchronous work of several keys never adds up.
 */
export class WorkQueue {
  readonly #options: QueueOptions;
  /** Limit on the keys of one namespace that are processed at the same time. */
  readonly #share: number;
  /**
   * The keys to process by namespace. The namespace with the next turn comes first. Keys are in order of arrival, each
   * with its time of arrival in milliseconds of the monotonic clock.
   */
  readonly #waiting = new Map<string, Map<string, number>>();
  readonly #processing = new Map<string, Promise<void>>();
  /** By namespace: the number of keys that are being processed. */
  readonly #busy = new Map<string, number>();
  /** Keys that were added while they were processed. */
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, { readonly timer: NodeJS.Timeout; readonly due: number }>();
  readonly #rateLimiter = new RateLimiter();
  #state: 'paused' | 'running' | 'stopped' = 'paused';
  #filling: NodeJS.Immediate | undefined;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#share = Math.ceil(options.concurrency / 2);
  }

  /** The number of keys that wait to be processed now. */
  get depth(): number {
    return this.#waiting.values().reduce((depth, keys) => depth + keys.size, 0);
  }

  /** How long the oldest waiting key has waited, in milliseconds; 0 if no key waits. */
  get oldestMs(): number {
    const now = performance.now();
    const oldest = (keys: Map<string, number>) => keys.values().next().value ?? now;
    return now - this.#waiting.values().reduce((least, keys) => Math.min(least, oldest(keys)), now);
  }

  /** Starts processing. Keys that were added before are kept until then. Does nothing after {@link stop}. */
  start(): void {
    if (this.#state === 'stopped') return;
    this.#state = 'running';
    this.#fill();
  }

  /** Drains the queue: starts no further processing, and resolves when the processing that has started has ended. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    for (const { timer } of this.#delayed.values()) clearTimeout(timer);
    this.#delayed.clear();
    this.#waiting.clear();
    await Promise.all(this.#processing.values());
  }

  /**
   * Processes `key` as soon as the concurrency allows. A key that has just failed, or that repeats a write, is delayed by at
   * most 5 seconds, or by the delay that the API server requested ({@link RateLimiter}).
   */
  add(key: string): void {
    if (this.#state === 'stopped') return;
    if (this.#processing.has(key)) {
      this.#again.add(key);
      return;
    }
    const delay = this.#rateLimiter.delayMs(key);
    if (delay > 0) {
      this.addAfter(key, delay);
      return;
    }
    this.#rateLimiter.endDelay(key);
    this.#forgetDelay(key);
    const namespace = namespaceOf(key);
    const keys = this.#waiting.get(namespace) ?? new Map<string, number>();
    if (!keys.has(key)) keys.set(key, performance.now());
    this.#waiting.set(namespace, keys);
    this.#fill();
  }

  /** Processes `key` after a time, or earlier if an earlier time was requested before. After 24 days at the latest. */
  addAfter(key: string, milliseconds: number): void {
    if (this.#state === 'stopped') return;
    const due = performance.now() + milliseconds;
    const delayed = this.#delayed.get(key);
    if (delayed !== undefined && delayed.due <= due) return;
    this.#forgetDelay(key);
    const timer = setTimeout(
      () => {
        this.#delayed.delete(key);
        this.add(key);
      },
      Math.min(milliseconds, LONGEST_DELAY_MS),
    );
    this.#delayed.set(key, { timer, due });
  }

  /**
   * Processes `key` after a time that grows with each call until {@link forget}. The queue calls this itself for a key
   * whose processing fails.
   *
   * @param error - the reason; `Retry-After` in it is the minimum delay
   */
  addRateLimited(key: string, error?: unknown): void {
    this.addAfter(key, this.#rateLimiter.noteFailure(key, error));
  }

  /** Forgets that `key` has failed. The queue calls this itself for a key whose processing succeeds. */
  forget(key: string): void {
    this.#rateLimiter.forget(key);
  }

  #forgetDelay(key: string): void {
    clearTimeout(this.#delayed.get(key)?.timer);
    this.#delayed.delete(key);
  }

  /**
   * Starts one key in the next turn of the event loop. A watch may deliver thousands of changes in one turn. Because of the
   * delay, several changes to a key lead to one processing. Timers and answers are handled between two starts.
   */
  #fill(): void {
    this.#filling ??= setImmediate(() => {
      this.#filling = undefined;
      this.#beginOne();
    });
  }

  #beginOne(): void {
    if (this.#state !== 'running' || this.#processing.size >= this.#options.concurrency) return;
    const next = this.#takeNext();
    if (next === undefined) return;
    const { key, since } = next;
    // Starts only after the key is recorded as being processed, because the work may add the key again.
    this.#processing.set(
      key,
      Promise.resolve().then(() => this.#process(key, since)),
    );
    this.#fill();
  }

  /** Takes the oldest key of the next namespace that is below its share, and moves that namespace to the end. */
  #takeNext(): { readonly key: string; readonly since: number } | undefined {
    for (const [namespace, keys] of this.#waiting) {
      const busy = this.#busy.get(namespace) ?? 0;
      const [first] = keys;
      if (busy >= this.#share || first === undefined) continue;
      const [key, since] = first;
      keys.delete(key);
      this.#waiting.delete(namespace);
      if (keys.size > 0) this.#waiting.set(namespace, keys);
      this.#busy.set(namespace, busy + 1);
      return { key, since };
    }
    return undefined;
  }

  #release(namespace: string): void {
    const busy = this.#busy.get(namespace) ?? 0;
    if (busy > 1) this.#busy.set(namespace, busy - 1);
    else this.#busy.delete(namespace);
  }

  async #process(key: string, since: number): Promise<void> {
    const begun = performance.now();
    const { error, requeueAfterMs, repeated = false } = await this.#outcomeOf(key);
    const seconds = (performance.now() - begun) / 1000;
    this.#options.onProcessed?.({ key, waitedSeconds: (begun - since) / 1000, seconds, error });
    if (error === undefined) this.forget(key);
    else this.addRateLimited(key, error);
    if (requeueAfterMs !== undefined) this.addAfter(key, requeueAfterMs);
    if (repeated) this.#rateLimiter.noteRepetition(key);
    this.#processing.delete(key);
    this.#release(namespaceOf(key));
    if (this.#again.delete(key)) this.add(key);
    this.#fill();
  }

  async #outcomeOf(key: string): Promise<Outcome> {
    try {
      return await this.#options.process(key);
    } catch (error) {
      return { error };
    }
  }
}
