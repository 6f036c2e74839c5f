const COUNTED = [
  [Map.prototype, ['get', 'has', 'set']],
  [Set.prototype, ['has', 'add']],
  [Array.prototype, ['push', 'pop', 'every', 'includes']],
  [String.prototype, ['charAt', 'slice', 'split', 'startsWith', 'indexOf', 'charCodeAt']],
] as const;

/**
 * Counts the calls of frequent methods of maps, sets, lists and texts while an action runs. The number is the same on every
 * machine, however busy: compare it for an input and for one of twice the size.
 */
export function operationsOf(action: () => unknown): number {
  let count = 0;
  const restores: (() => void)[] = [];
  const countCallsOf = (owner: object, name: string) => {
    const descriptor = Object.getOwnPropertyDescriptor(owner, name);
    const method: unknown = descriptor?.value;
    if (descriptor === undefined || typeof method !== 'function')
      throw new Error(`there is no method ${name}`);
    Object.defineProperty(owner, name, {
      ...descriptor,
      value(this: unknown, ...args: unknown[]): unknown {
        count += 1;
        return Reflect.apply(method, this, args);
      },
    });
    restores.unshift(() => Object.defineProperty(owner, name, descriptor));
  };
  for (const [owner, names] of COUNTED) for (const name of names) countCallsOf(owner, name);
  // The calls of this function itself end here.
  count = 0;
  try {
    action();
    return count;
  } finally {
    for (const restore of restores) restore();
  }
}
