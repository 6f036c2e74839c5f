/** Work that a test ends by hand. */
export class Works {
  /** Names, in the order in which the works began. */
  readonly begun: string[] = [];
  readonly #open = new Map<string, PromiseWithResolvers<string>>();

  /** Begun and not ended. */
  get open(): readonly string[] {
    return [...this.#open.keys()];
  }

  begin(name: string): Promise<string> {
    this.begun.push(name);
    const work = Promise.withResolvers<string>();
    this.#open.set(name, work);
    return work.promise;
  }

  /** Ends a work, and lets happen what follows from that. */
  async end(name: string, error?: Error): Promise<void> {
    const work = this.#open.get(name);
    if (work === undefined) throw new Error(`${name} is not open`);
    this.#open.delete(name);
    if (error === undefined) work.resolve(name);
    else work.reject(error);
    await turn();
  }
}

/** Until all that can happen without I/O has happened. */
export function turn(): Promise<void> {
  return new Promise(setImmediate);
}
