import { setTimeout as delay } from 'node:timers/promises';

/** Something did not go as the demo tells it. */
export class Unexpected extends Error {
  override readonly name = 'Unexpected';
  readonly expected: string;
  readonly found: string;

  constructor(expected: string, found: string) {
    super(`expected ${expected}, found ${found}`);
    this.expected = expected;
    this.found = found;
  }
}

/** @throws Unexpected where the two differ */
export function expectSame(what: string, expected: string, found: string): void {
  if (found !== expected) throw new Unexpected(`${what} to be ${expected}`, found);
}

/** How long something may take, and who says in the end why it took longer. */
interface Patience {
  readonly seconds: number;
  readonly why: () => string;
}

/**
 * Waits for a promise.
 *
 * @param what - what is expected within the time, as in "the scan to end"
 * @throws Unexpected when the time is up
 */
export async function within<T>(what: string, promise: Promise<T>, { seconds, why }: Patience): Promise<T> {
  const alarm = new AbortController();
  const late = delay(seconds * 1_000, undefined, { signal: alarm.signal, ref: false }).then(() => {
    throw new Unexpected(`${what} within ${seconds} s`, why());
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => undefined);
    alarm.abort();
  }
}

/**
 * Asks again and again until the answer is the expected one.
 *
 * @throws Unexpected with the last answer when the time is up
 */
export async function untilSame(
  what: string,
  expected: string,
  { ask, seconds }: { readonly ask: () => Promise<string>; readonly seconds: number },
): Promise<void> {
  const deadline = Date.now() + seconds * 1_000;
  for (;;) {
    const found = await ask();
    if (found === expected) return;
    if (Date.now() > deadline) throw new Unexpected(`${what} to be ${expected} within ${seconds} s`, found);
    await delay(50);
  }
}
