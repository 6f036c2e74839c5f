import { readFile } from 'node:fs/promises';

const LINES = 15;

/** The last lines of a text. */
export function lastLines(text: string, lines = LINES): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

/** The last lines of a log file; empty if there is no such file. */
export async function tail(file: string, lines?: number): Promise<string> {
  return lastLines(await readFile(file, 'utf8').catch(() => ''), lines);
}
