import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type ProcessGroup } from '../../hack/processes.ts';

/** How long getaddrinfo of glibc tries one name server: 2 attempts of 5 s (resolv.conf(5)). */
const GIVE_UP_MS = 10_000;

/**
 * A zone whose name server does not answer, for a process that `test/preload/silent-zone.ts` is loaded into: it gives up
 * its look-ups.
 */
export class SilentZone implements Disposable {
  /** What the look-ups wait at. */
  readonly fifo: string;
  readonly #timer: NodeJS.Timeout;

  private constructor(fifo: string) {
    this.fifo = fifo;
    // From outside of that process, so that it can also end while look-ups are under way.
    this.#timer = setInterval(() => giveUp(fifo), GIVE_UP_MS).unref();
  }

  static async start(group: ProcessGroup): Promise<SilentZone> {
    const fifo = join(group.directory, 'silent-zone');
    const { stderr, ...exit } = await group.run('mkfifo', [fifo]);
    if (exit.code !== 0) throw new Error(`mkfifo ended with ${describe(exit)}: ${stderr.trim()}`);
    return new SilentZone(fifo);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    giveUp(this.fifo);
  }
}

/** Lets everybody go on who opens the FIFO to read. */
function giveUp(fifo: string): void {
  try {
    closeSync(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch {
    // Nobody waits: ENXIO.
  }
}
