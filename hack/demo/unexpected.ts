import { setTimeout as delay } from 'node:timers/promises';

/** Something in the demo did not happen as expected. */
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

/** @throws Unexpected if the two values differ */
export function expectSame(what: string, expected: string, found: string): void {
  if (found !== expected) throw new Unexpected(`${what} to be ${expected}`, found);
}

/** A time limit, and what to report when it is exceeded. */
interface TimeLimit {
  readonly seconds: number;
  /** Returns what was found instead. */
  readonly why: () => string;
}

/**
 * Waits for a promise.
 *
 * @param what - what is expected within the time, for example "the scan to finish"
 * @throws Unexpected if the promise is pending after the time limit
 */
export async function within<T>(what: string, promise: Promise<T>, { seconds, why }: TimeLimit): Promise<T> {
  const alarm = new AbortController();
  const timeout = delay(seconds * 1_000, undefined, { signal: alarm.signal, ref: false }).then(() => {
    throw new Unexpected(`${what} within ${seconds} s`, why());
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    timeout.catch(() => undefined);
    alarm.abort();
  }
}

/**
 * Reads a value repeatedly until it is the expected one.
 *
 * @throws Unexpected with the last value if it differs after the time limit
 */
export async function untilSame(
  what: string,
  expected: string,
  { read, seconds }: { readonly read: () => Promise<string>; readonly seconds: number },
): Promise<void> {
  const deadline = Date.now() + seconds * 1_000;
  for (;;) {
    const found = await read();
    if (found === expected) return;
    if (Date.now() > deadline) throw new Unexpected(`${what} to be ${expected} within ${seconds} s`, found);
    await delay(50);
  }
}
