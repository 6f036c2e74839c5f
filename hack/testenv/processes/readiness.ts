/** Waits until servers are ready, and starts servers on free ports. */
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { lastLines } from './log.ts';
import { type Child, describe, type Exit } from './process-group.ts';

const PORT_ATTEMPTS = 5;
const PROBE_INTERVAL_MS = 25;

/** A child did not become ready. The message holds the last lines of its log. */
export class StartError extends Error {
  override readonly name = 'StartError';
  /** The whole log of the child. */
  readonly log: string;

  constructor(message: string, log: string) {
    super(`${message}. The last lines of its log:\n${lastLines(log)}`);
    this.log = log;
  }
}

/**
 * Waits until a child answers.
 *
 * @param probe - whether the child is ready; a rejection counts as "not yet"
 * @throws StartError when the child ends first, or is not ready in time
 */
export async function untilReady(child: Child, probe: () => Promise<boolean>, seconds = 180): Promise<void> {
  let exit: Exit | undefined;
  void child.exited.then((how) => {
    exit = how;
  });
  const deadline = Date.now() + seconds * 1_000;
  while (!(await probe().catch(() => false))) {
    if (exit !== undefined) {
      throw new StartError(`${child.name} ended with ${describe(exit)}`, await child.logTail(Infinity));
    }
    if (Date.now() > deadline) {
      throw new StartError(`${child.name} was not ready after ${seconds} s`, await child.logTail(Infinity));
    }
    await delay(PROBE_INTERVAL_MS);
  }
}

/**
 * Starts a server on a free loopback port. Another process may take the port before the server does. If the server's log
 * says so, another port is tried.
 *
 * @param start - rejects with a `StartError` when the server ends
 */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      const taken = error instanceof StartError && error.log.includes('address already in use');
      if (!taken || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

async function freePort(): Promise<number> {
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  const server = createServer().once('error', reject).listen(0, '127.0.0.1', resolve);
  await listening;
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string')
    throw new Error('expected the server to have an address with a port, found none');
  return address.port;
}
