/** What the demo and the acceptance run expect, and how long they wait for it. */
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 50;

/** Something did not happen as expected. */
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

/** What a read shows of a state that is expected later. */
export type Progress<T> =
  | { readonly result: 'Reached'; readonly value: T }
  /** `found` says what was found instead. */
  | { readonly result: 'NotYet'; readonly found: string };

/** How {@link eventually} reads. */
interface Reading<T> {
  /** Throws an error to stop waiting. */
  readonly read: () => Promise<Progress<T>>;
  /** The time limit. */
  readonly seconds: number;
  /** The pause between two reads; 50 ms by default. */
  readonly pollMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Reads repeatedly until the expected state is reached.
 *
 * @param what - what is expected within the time, for example "the scan to finish"
 * @throws Unexpected with what was found last, if the state is not reached within the time limit; the reason of the signal
 */
export async function eventually<T>(what: string, reading: Reading<T>): Promise<T> {
  const { read, seconds, pollMs = POLL_MS, signal } = reading;
  const deadline = performance.now() + seconds * 1_000;
  for (;;) {
    signal?.throwIfAborted();
    const progress = await read();
    if (progress.result === 'Reached') return progress.value;
    if (performance.now() > deadline) throw new Unexpected(`${what} within ${seconds} s`, progress.found);
    // The next turn of the loop throws the reason of the signal.
    await delay(pollMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
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
  await eventually(`${what} to be ${expected}`, {
    seconds,
    read: async () => {
      const found = await read();
      return found === expected ? { result: 'Reached', value: found } : { result: 'NotYet', found };
    },
  });
}
