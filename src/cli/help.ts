import { basename } from 'node:path';
import { Command } from 'commander';

/** The file under which kubectl finds the command: `kubectl icb` (https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/). */
const PLUGIN_FILE = 'kubectl-icb';
const PROGRAM = 'image-credential-binding';

/** How the command was called, and is called again: its name in usage and examples. */
export function programName(): string {
  return basename(process.argv[1] ?? '') === PLUGIN_FILE ? 'kubectl icb' : PROGRAM;
}

/** What stands in a command's help behind its options. */
export interface HelpText {
  /** Paragraphs. */
  readonly notes?: string;
  readonly exitCodes: readonly string[];
  /** Each with what stands behind the program's name. */
  readonly examples: readonly string[];
}

/** A command whose errors are thrown, and whose help ends with exit codes and examples. */
export function commandWithHelp(name: string, { notes, exitCodes, examples }: HelpText): Command {
  const blocks = [
    ...(notes === undefined ? [] : [notes]),
    ['Exit code:', ...exitCodes].join('\n  '),
    ['Examples:', ...examples.map((example) => example.replaceAll('%', programName()))].join('\n  '),
  ];
  return new Command(name)
    .exitOverride()
    .showHelpAfterError('(--help says what is expected)')
    .addHelpText('after', `\n${blocks.join('\n\n')}`);
}
