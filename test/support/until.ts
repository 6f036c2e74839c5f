import { AssertionError } from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

const PENDING = Symbol('pending');

/**
 * Waits until something is there, and gives it back; fails with what was wanted, and the error that `probe` threw
 * last, when it has not come after a while, also where `probe` does not end. `undefined`, `false` and an error mean
 * "not yet".
 */
export async function until<T>(
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  what: string,
  seconds = 20,
): Promise<T> {
  const deadline = performance.now() + seconds * 1_000;
  let last: unknown;
  while (performance.now() < deadline) {
    const begun = performance.now();
    try {
      const found = await within(probe(), deadline);
      if (found === PENDING) last = `the last try was under way for ${secondsSince(begun)} s`;
      else if (found !== undefined && found !== false) return found;
      else last = undefined;
    } catch (error) {
      last = error;
    }
    await delay(10);
  }
  throw new AssertionError({
    message: `waited ${seconds} s for ${what}${last === undefined ? '' : `: ${String(last)}`}`,
  });
}

function secondsSince(begun: number): string {
  return ((performance.now() - begun) / 1_000).toFixed(1);
}

/** What a probe finds, but {@link PENDING} where it has not by then. */
async function within<T>(probe: T | Promise<T>, deadline: number): Promise<T | typeof PENDING> {
  const over = new AbortController();
  const late = delay(deadline - performance.now(), PENDING, { signal: over.signal });
  late.catch(() => undefined);
  try {
    return await Promise.race([probe, late]);
  } finally {
    over.abort();
  }
}
