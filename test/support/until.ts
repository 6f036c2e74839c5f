import { AssertionError } from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

const PENDING = Symbol('pending');

const SHORTEST_DELAY_MS = 10;
const LONGEST_DELAY_MS = 200;
/** The delay between two tries, as a part of the time so far: often enough, and without slowing down what the test waits for. */
const DELAY_SHARE = 0.05;

/**
 * Waits until `probe` returns a value, and returns that. `undefined`, `false` and an error mean "not yet".
 *
 * @param what - what the test waits for, for the message of the error
 * @throws AssertionError with `what` and the last error of `probe` when the time is over, even if `probe` never settles
 */
export async function until<T>(
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  what: string,
  seconds = 20,
): Promise<T> {
  const start = performance.now();
  const deadline = start + seconds * 1_000;
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
    const share = (performance.now() - start) * DELAY_SHARE;
    await delay(Math.min(LONGEST_DELAY_MS, Math.max(SHORTEST_DELAY_MS, share)));
  }
  throw new AssertionError({
    message: `waited ${seconds} s for ${what}${last === undefined ? '' : `: ${String(last)}`}`,
  });
}

function secondsSince(begun: number): string {
  return ((performance.now() - begun) / 1_000).toFixed(1);
}

/** The value of a probe, or {@link PENDING} if it has none by the deadline. */
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
