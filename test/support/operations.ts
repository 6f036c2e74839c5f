const COUNTED = [
  [Map.prototype, ['get', 'has', 'set']],
  [Set.prototype, ['has', 'add']],
  [Array.prototype, ['push', 'pop', 'every', 'includes']],
  [String.prototype, ['charAt', 'slice', 'split', 'startsWith', 'indexOf', 'charCodeAt']],
] as const;

/**
 * Counts the calls of frequent methods of maps, sets, arrays and strings while an action runs. The number is the same
 * on every machine, however busy. Compare the numbers for an input and for one of twice the size.
 */
export function operationsOf(action: () => unknown): number {
  const counting = new Counting();
  try {
    action();
    return counting.count;
  } finally {
    counting.stop();
  }
}

/** Like {@link operationsOf}, for an asynchronous action. Calls by anything else that runs meanwhile count too. */
export async function operationsDuring(action: () => Promise<unknown>): Promise<number> {
  const counting = new Counting();
  try {
    await action();
    return counting.count;
  } finally {
    counting.stop();
  }
}

class Counting {
  count = 0;
  readonly #restores: (() => void)[] = [];

  constructor() {
    for (const [owner, names] of COUNTED) for (const name of names) this.#countCallsOf(owner, name);
    // Calls made by this constructor itself end here.
    this.count = 0;
  }

  stop(): void {
    for (const restore of this.#restores.reverse()) restore();
  }

  #countCallsOf(owner: object, name: string): void {
    const descriptor = Object.getOwnPropertyDescriptor(owner, name);
    const method: unknown = descriptor?.value;
    if (descriptor === undefined || typeof method !== 'function')
      throw new Error(`there is no method ${name}`);
    const counted = () => {
      this.count += 1;
    };
    Object.defineProperty(owner, name, {
      ...descriptor,
      value(this: unknown, ...args: unknown[]): unknown {
        counted();
        return Reflect.apply(method, this, args);
      },
    });
    this.#restores.push(() => Object.defineProperty(owner, name, descriptor));
  }
}
