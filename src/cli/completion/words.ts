import { basename } from 'node:path';
import type { Command } from 'commander';
import { complete } from './complete.ts';

/**
 * The file that kubectl runs to complete `kubectl icb`
 * (https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/#understanding-the-naming-conventions).
 */
const PLUGIN_FILE = 'kubectl_complete-icb';
/** The hidden command of the scripts, with the name that cobra's scripts use. */
const HIDDEN_COMMAND = '__complete';

/** cobra's directives (https://pkg.go.dev/github.com/spf13/cobra#ShellCompDirective). */
const DEFAULT = 0;
const NO_FILES = 4;

/** The words to complete if the program was called to complete words; otherwise undefined. */
export function wordsToComplete(argv: readonly string[]): readonly string[] | undefined {
  const [, file = '', first, ...others] = argv;
  if (basename(file) === PLUGIN_FILE) return argv.slice(2);
  return first === HIDDEN_COMMAND ? others : undefined;
}

/** Prints the completions in cobra's format, which kubectl reads: a word, a tab and its description per line, and a directive. */
export function printCompletions(program: Command, words: readonly string[]): void {
  const { candidates, isFile } = complete(program, words);
  const lines = candidates.map(({ word, description }) => `${word}\t${description.replaceAll(/\s+/g, ' ')}`);
  process.stdout.write([...lines, `:${isFile ? DEFAULT : NO_FILES}`, ''].join('\n'));
}
