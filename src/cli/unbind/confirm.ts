import { createInterface } from 'node:readline';

/**
 * Asks on standard error, and returns whether the user answered yes. Any other answer, and the end of the input, mean no.
 * The terminal stays in its normal mode, so that Ctrl-C sends SIGINT.
 */
export async function confirmed(question: string): Promise<boolean> {
  process.stderr.write(`${question} [y/N] `);
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    for await (const line of lines) return /^y(es)?$/i.test(line.trim());
    return false;
  } finally {
    lines.close();
  }
}
