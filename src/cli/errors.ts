import { constants } from 'node:os';
import { ImageReferenceError } from '../image/index.ts';
import { printable } from '../text/index.ts';

/** Exit code: the command was used incorrectly, or something cannot be read. The command has changed nothing. */
export const EXIT_USAGE = 2;

/**
 * An error that the user can correct. The message says what was expected, what was found, and what to do. It is printed
 * without a stack.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
}

/** Waits for the work of a command. Prints an error that the user can correct, and sets the exit code {@link EXIT_USAGE}. */
export async function reportUserErrors(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof UserError || error instanceof ImageReferenceError)) throw error;
    process.stderr.write(`error: ${printable(error.message)}\n`);
    process.exitCode = EXIT_USAGE;
  }
}

/**
 * Lets SIGTERM and SIGINT end a command that can be interrupted at any point. As PID 1 of a container, the process ignores signals
 * that have no handler.
 */
export function exitOnSignals(): void {
  for (const name of ['SIGTERM', 'SIGINT'] as const)
    process.once(name, () => process.exit(128 + constants.signals[name]));
}

/**
 * Ignores EPIPE on the output streams: if the reader stops reading (`audit -A | head`), the command finishes its work, and
 * its exit code shows the result. Reports any other write error.
 */
export function handleOutputErrors(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') return;
      process.exitCode = EXIT_USAGE;
      if (stream === process.stdout)
        process.stderr.write(`error: cannot write to standard output: ${error.message}\n`);
    });
  }
}
