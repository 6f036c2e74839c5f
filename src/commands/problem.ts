import { InputError } from '../cluster/index.ts';
import { ImageReferenceError } from '../image/index.ts';
import { printable } from '../output/index.ts';
import { SetupError } from './kubeconfig.ts';

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
