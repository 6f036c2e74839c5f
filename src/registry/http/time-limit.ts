/**
 * A signal that is aborted after a time, or together with an outer signal. Unlike `AbortSignal.timeout` and
 * `AbortSignal.any`, it leaves no timer and no listener behind once it is disposed of.
 */
export class TimeLimit implements Disposable {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #timer: NodeJS.Timeout;

  constructor(milliseconds: number, outer: AbortSignal) {
    this.#outer = outer;
    this.#timer = setTimeout(this.abort, milliseconds);
    if (outer.aborted) this.abort();
    else outer.addEventListener('abort', this.abort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  readonly abort = (): void => this.#controller.abort();

  /** The outcome of the work, or a rejection as soon as the signal is aborted, even if the work ignores the signal. */
  async race<T>(work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const abort = () => reject(this.signal.reason);
    this.signal.addEventListener('abort', abort);
    if (this.signal.aborted) abort();
    try {
      return await Promise.race([work, promise]);
    } finally {
      this.signal.removeEventListener('abort', abort);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener('abort', this.abort);
  }
}
