import { AssertionError } from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until something is there, and gives it back; fails with what was wanted, and the error that `probe` threw
 * last, when it has not come after a while. `undefined`, `false` and an error mean "not yet".
 */
export async function until<T>(
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  what: string,
  seconds = 20,
): Promise<T> {
  const deadline = performance.now() + seconds * 1_000;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await delay(10);
  }
  throw new AssertionError({
    message: `waited ${seconds} s for ${what}${last === undefined ? '' : `: ${String(last)}`}`,
  });
}
