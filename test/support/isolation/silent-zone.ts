import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';

/** How long getaddrinfo of glibc tries one name server: 2 attempts of 5 s (resolv.conf(5)). */
const GIVE_UP_MS = 10_000;

/** Ends the look-ups in the silent zone of a process that loads `test/support/preload/silent-zone.ts`. */
export class SilentZone implements Disposable {
  /** Path of the FIFO that look-ups wait for. */
  readonly fifo: string;
  readonly #timer: NodeJS.Timeout;

  private constructor(fifo: string) {
    this.fifo = fifo;
    // The timer runs here and not in the process that makes the look-ups, because that process exits only after its threads.
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

/** Ends every look-up that waits. */
function giveUp(fifo: string): void {
  try {
    closeSync(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch {
    // ENXIO: no look-up waits.
  }
}
