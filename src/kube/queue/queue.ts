import { namespaceOf } from '../../object/index.ts';
import { Backoff } from '../backoff.ts';
import { KubeError } from '../errors.ts';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5 * 60_000;
/** How long a key that fails may at most keep somebody waiting who has just changed something. */
const LONGEST_HOLD_MS = 5_000;
/** Repetitions that come closer than this belong together; the first two of them are nothing special. */
const CHURN_WINDOW_MS = 10_000;
const USUAL_REPETITIONS = 2;
/** A timer of Node cannot take more: it would fire at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** How a reconcile ended. */
export interface Outcome {
  /** To be called again after this time at the latest. */
  readonly requeueAfterMs?: number | undefined;
  /** Whether it wrote what it had written just before: somebody undoes that, and must not be answered with a storm. */
  readonly repeated?: boolean;
  /** What went wrong, where something is left to be done; the same as an error that is thrown. */
  readonly error?: unknown;
}

/** How one processing of a key ended, for metrics and logs. */
interface Processed {
  readonly key: string;
  /** How long the key was in the queue, without the time for which it was put off. */
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
 * never processed twice at the same time; added while it is processed, it is processed once more after. A key whose
 * processing fails comes back after a growing time, which success resets, and not before the API server asks for it
 * (`Retry-After`).
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
  /** By namespace: how many keys are being processed. */
  readonly #busy = new Map<string, number>();
  /** Keys that were added while they were processed. */
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, { readonly timer: NodeJS.Timeout; readonly due: number }>();
  readonly #backoffs = new Map<string, Backoff>();
  /** Until when a key is held back, in milliseconds of the monotonic clock. */
  readonly #holds = new Map<string, number>();
  /** Keys that have repeated themselves lately, the longest ago first. */
  readonly #churn = new Map<string, Churn>();
  #state: 'paused' | 'running' | 'stopped' = 'paused';
  #filling: NodeJS.Immediate | undefined;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#share = Math.ceil(options.concurrency / 2);
  }

  /** Keys that wait to be processed now. */
  get depth(): number {
    return this.#waiting.values().reduce((depth, keys) => depth + keys.size, 0);
  }

  /** How long the key waits that has waited longest, in milliseconds; 0 where none does. */
  get oldestMs(): number {
    const now = performance.now();
    const oldest = (keys: Map<string, number>) => keys.values().next().value ?? now;
    return now - this.#waiting.values().reduce((least, keys) => Math.min(least, oldest(keys)), now);
  }

  /** Begins to process; what was added before is kept until then. Nothing begins after {@link stop}. */
  start(): void {
    if (this.#state === 'stopped') return;
    this.#state = 'running';
    this.#fill();
  }

  /** Drains: processes nothing new, and resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    for (const { timer } of this.#delayed.values()) clearTimeout(timer);
    this.#delayed.clear();
    this.#waiting.clear();
    await Promise.all(this.#processing.values());
  }

  /**
   * Processes `key` as soon as there is room. One that has just failed, or that repeats itself, is held back
   * for a moment, 5 seconds at most, or as long as the API server asked for: what adds it may be its own doing.
   */
  add(key: string): void {
    if (this.#state === 'stopped') return;
    if (this.#processing.has(key)) {
      this.#again.add(key);
      return;
    }
    const hold = (this.#holds.get(key) ?? 0) - performance.now();
    if (hold > 0) {
      this.addAfter(key, hold);
      return;
    }
    this.#holds.delete(key);
    this.#forgetDelay(key);
    const namespace = namespaceOf(key);
    const keys = this.#waiting.get(namespace) ?? new Map<string, number>();
    if (!keys.has(key)) keys.set(key, performance.now());
    this.#waiting.set(namespace, keys);
    this.#fill();
  }

  /** Processes `key` after a time; an earlier time that was asked for before holds. After 24 days at the latest. */
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
   * Processes `key` after a time that grows with each call until {@link forget}. Where the processing of a key fails, that
   * is done for it.
   *
   * @param error - why; one with `Retry-After` asks for at least that time
   */
  addRateLimited(key: string, error?: unknown): void {
    this.addAfter(key, this.#noteFailure(key, error));
  }

  /** Forgets that `key` has failed. Where the processing of a key succeeds, that is done for it. */
  forget(key: string): void {
    this.#backoffs.delete(key);
    this.#holds.delete(key);
  }

  #forgetDelay(key: string): void {
    clearTimeout(this.#delayed.get(key)?.timer);
    this.#delayed.delete(key);
  }

  /**
   * Begins in the next turn of the event loop. A watch may bring thousands of changes in one: they are one
   * processing of a key then, not thousands, and what else waits (a timer, an answer) has its turn in between.
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
    if (repeated) this.#noteRepetition(key);
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

  /** How many milliseconds until the next try. */
  #noteFailure(key: string, error: unknown): number {
    const backoff = this.#backoffs.get(key) ?? new Backoff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
    this.#backoffs.set(key, backoff);
    const asked = error instanceof KubeError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const wait = Math.max(backoff.next(), asked);
    this.#hold(key, Math.max(asked, Math.min(wait, LONGEST_HOLD_MS)));
    return wait;
  }

  #noteRepetition(key: string): void {
    const now = performance.now();
    for (const [old, { at }] of this.#churn) {
      if (now - at < CHURN_WINDOW_MS) break;
      this.#churn.delete(old);
    }
    const { repetitions, backoff } = this.#churn.get(key) ?? {
      repetitions: 0,
      backoff: new Backoff(FIRST_RETRY_MS, LONGEST_HOLD_MS),
    };
    this.#churn.delete(key);
    this.#churn.set(key, { at: now, repetitions: repetitions + 1, backoff });
    if (repetitions >= USUAL_REPETITIONS) this.#hold(key, backoff.next());
  }

  #hold(key: string, milliseconds: number): void {
    this.#holds.set(key, Math.max(this.#holds.get(key) ?? 0, performance.now() + milliseconds));
  }
}

interface Churn {
  readonly at: number;
  readonly repetitions: number;
  readonly backoff: Backoff;
}
