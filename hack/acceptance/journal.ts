import { printable, timestamp } from '../../src/text/index.ts';
import type { Redaction } from '../scenario/index.ts';

const INDENT = ' '.repeat(6);
/** Limit on a line of the output, in characters. */
const LONGEST_LINE = 1_000;

/** What a step returns: a text for its line, and a value for later steps. */
export interface Outcome<T> {
  readonly text: string;
  readonly value: T;
}

/** A step, and what to do if it fails. */
export interface Step {
  readonly title: string;
  readonly advice: string;
}

/** A step failed. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
  readonly step: Step;
  readonly seconds: string;

  constructor(step: Step, seconds: string, cause: unknown) {
    super(step.title, { cause });
    this.step = step;
    this.seconds = seconds;
  }
}

/** Prints each step with the time at which it begins, and with how long it took. Prints no value of a Secret. */
export class Journal {
  readonly #write: (text: string) => void;
  readonly #redaction: Redaction;
  #steps = 0;

  constructor(write: (text: string) => void, redaction: Redaction) {
    this.#write = write;
    this.#redaction = redaction;
  }

  /**
   * Runs a step. After an interruption, does not wait for it.
   *
   * @throws StepFailed; the reason of the signal
   */
  async step<T>(step: Step, act: () => Promise<Outcome<T>>, signal: AbortSignal): Promise<T> {
    this.#steps += 1;
    const begun = performance.now();
    this.line(`${timestamp(Date.now())}  ${this.#steps}. ${step.title}`);
    try {
      const { text, value } = await unlessAborted(signal, act);
      this.note(`ok, ${secondsSince(begun)}: ${text}`);
      return value;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw new StepFailed(step, secondsSince(begun), error);
    }
  }

  /** Reports a step that is not done. */
  skip(title: string, why: string): void {
    this.#steps += 1;
    this.line(`${timestamp(Date.now())}  ${this.#steps}. ${title}`);
    this.note(`skipped: ${why}`);
  }

  /** Prints one or more lines below a step. */
  note(text: string): void {
    // A value of a Secret may have several lines.
    for (const line of this.#redaction.redact(text).split('\n')) this.line(`${INDENT}${line}`);
  }

  line(text: string): void {
    const shown = printable(this.#redaction.redact(text));
    this.#write(`${shown.length > LONGEST_LINE ? `${shown.slice(0, LONGEST_LINE)}…` : shown}\n`);
  }
}

/** @throws the reason of the signal, without waiting for the work */
async function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([work(), promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** `1.5 s`. */
export function secondsSince(begun: number): string {
  return `${((performance.now() - begun) / 1_000).toFixed(1)} s`;
}
