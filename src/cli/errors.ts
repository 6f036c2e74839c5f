import { ImageReferenceError } from '../image/index.ts';
import { printable } from '../text/index.ts';
import { InputError } from './cluster/index.ts';
import { SetupError } from './flags/index.ts';

/** Wrong use, or something that cannot be read; nothing has been changed. */
export const EXIT_USAGE = 2;

/** Does a command's work. What whoever asked can mend is told without a stack, and ends with {@link EXIT_USAGE}. */
export async function tellingProblems(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    const known = [ImageReferenceError, InputError, SetupError].some((type) => error instanceof type);
    if (!(error instanceof Error && known)) throw error;
    process.stderr.write(`error: ${printable(error.message)}\n`);
    process.exitCode = EXIT_USAGE;
  }
}

/**
 * Takes it quietly when nobody reads on (`audit -A | head`): what is under way goes on, and the exit code says what came
 * of it. What cannot be written for another reason is told.
 */
export function heedReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') return;
      process.exitCode = EXIT_USAGE;
      if (stream === process.stdout)
        process.stderr.write(`error: standard output cannot be written: ${error.message}\n`);
    });
  }
}
