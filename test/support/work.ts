/** Work whose end the test controls. */
export class Works {
  /** Names, in the order in which the work started. */
  readonly begun: string[] = [];
  readonly #open = new Map<string, PromiseWithResolvers<string>>();

  /** Started but not ended. */
  get open(): readonly string[] {
    return [...this.#open.keys()];
  }

  begin(name: string): Promise<string> {
    this.begun.push(name);
    const work = Promise.withResolvers<string>();
    this.#open.set(name, work);
    return work.promise;
  }

  /** Ends the work of this name, and waits for the immediate consequences. */
  async end(name: string, error?: Error): Promise<void> {
    const work = this.#open.get(name);
    if (work === undefined) throw new Error(`${name} is not open`);
    this.#open.delete(name);
    if (error === undefined) work.resolve(name);
    else work.reject(error);
    await turn();
  }
}

/** Resolves when everything that needs no I/O has happened. */
export function turn(): Promise<void> {
  return new Promise(setImmediate);
}
