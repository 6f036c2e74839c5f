import type { Logger } from 'pino';
import { holdScan, type RawScan, readNewScan, type ScanDecision } from '../scan/index.ts';
import { hasRoom, patchOf } from './patch.ts';
import { allowing, parseReview, type Review } from './review.ts';

/**
 * What happened to a Scan, for metrics. `Bound`: it was patched, or already had its delivery. `Held`: the leader decides later.
 * `Unbound`: a binding is effective, and the Scan passed without what the binding delivers. `NoBinding`: no binding is
 * effective. `Unready`: not all objects of its namespace are known yet. `Error`: an error in this program, or a review that
 * cannot be read.
 */
export type AdmissionResult = 'Bound' | 'Held' | 'Unbound' | 'NoBinding' | 'Unready' | 'Error';

export interface WebhookOptions {
  /** Decides from what is in memory, and sends no request. */
  readonly decide: (scan: RawScan) => ScanDecision;
  /** Whether all objects of the namespace are known. */
  readonly isComplete: (namespace: string) => boolean;
  readonly log: Logger;
  /** For metrics. Not called for a dry run. */
  readonly onAnswer: (result: AdmissionResult, seconds: number) => void;
}

/** The shortest time between two log lines about errors, in milliseconds. The metric counts each error. */
const LOG_PAUSE_MS = 1_000;

interface Answer {
  readonly result: AdmissionResult;
  /** The Scan as it should be; undefined: unchanged. */
  readonly scan?: RawScan;
}

/** The mutating webhook for new Scans. Allows every request. */
export class Webhook {
  readonly #options: WebhookOptions;
  /** When the last error was logged, in milliseconds of the monotonic clock. */
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  /**
   * @param body - the text of an AdmissionReview
   * @returns the text of the response; undefined: the body is not an AdmissionReview
   */
  answer(body: string): string | undefined {
    const begun = performance.now();
    const review = this.#parse(body);
    const { result, text } = review === undefined ? { result: 'Error' as const } : this.#respond(review);
    if (review?.isDryRun !== true) this.#options.onAnswer(result, (performance.now() - begun) / 1_000);
    return text;
  }

  #parse(body: string): Review | undefined {
    try {
      return parseReview(body);
    } catch (error) {
      this.#logError(error);
      return undefined;
    }
  }

  /** An unexpected error must not prevent the creation of a Scan. */
  #respond(review: Review): { readonly result: AdmissionResult; readonly text: string } {
    try {
      const { result, scan } = this.#answer(review);
      const patch = review.scan === undefined || scan === undefined ? [] : patchOf(review.scan, scan);
      return { result, text: allowing(review, patch) };
    } catch (error) {
      this.#logError(error);
      return { result: 'Error', text: allowing(review, []) };
    }
  }

  #answer({ namespace, scan }: Review): Answer {
    if (scan === undefined) return { result: 'Error' };
    if (!this.#options.isComplete(namespace)) return { result: 'Unready' };
    // An API server may call a webhook twice for one request. The second time, the leader has not decided yet.
    if (readNewScan(scan).hold !== 'None') return { result: 'Held' };
    const answer = answerOf(this.#options.decide(scan));
    return answer.scan === undefined || hasRoom(answer.scan) ? answer : { result: 'Unbound' };
  }

  /** Omits the message of the error, because it may quote the Scan. Any client may cause such errors, so their lines are limited. */
  #logError(error: unknown): void {
    const now = performance.now();
    if (now - this.#loggedAt < LOG_PAUSE_MS) return;
    this.#loggedAt = now;
    const name = error instanceof Error ? error.name : typeof error;
    this.#options.log.error({ name }, 'a new Scan could not be decided on, so it is not changed');
  }
}

function answerOf(decision: ScanDecision): Answer {
  const { result, scan } = decision;
  switch (result) {
    case 'Bind':
    case 'Bound':
      return { result: 'Bound', scan };
    case 'Open':
      // Without the field in the CRD, the Scan would run although it is marked as held.
      return readNewScan(scan).suspension === 'Unsupported'
        ? { result: 'Unbound' }
        : { result: 'Held', scan: holdScan(scan, decision.awaitsSecret) };
    case 'Unbound':
    case 'NoBinding':
      return { result, scan };
  }
}
