import { basename } from 'node:path';
import { Command, type OutputConfiguration } from 'commander';

/** The file under which kubectl finds the command: `kubectl icb` (https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/). */
const PLUGIN_FILE = 'kubectl-icb';
const PROGRAM = 'image-credential-binding';

/** The name under which the user called the command. Usage and examples show this name. */
export function programName(): string {
  return basename(process.argv[1] ?? '') === PLUGIN_FILE ? 'kubectl icb' : PROGRAM;
}

/**
 * How commands print errors: without the value of an unknown flag, which commander repeats. It is a token in `--token=…` before
 * the command.
 */
export const ERRORS_WITHOUT_VALUES: OutputConfiguration = {
  outputError: (text, write) => write(text.replace(/(?<=unknown option '-[^=']*=).*(?=')/s, '***')),
};

/** The text that follows the options in the help of a command. */
export interface HelpText {
  /** Paragraphs, wrapped. */
  readonly notes?: string;
  /** One line for each exit code: the code, two spaces, its meaning. */
  readonly exitCodes: readonly string[];
  /** Command lines. `%` is replaced with {@link programName}. */
  readonly examples: readonly string[];
}

/** A command that throws errors instead of exiting, and whose help ends with exit codes and examples. */
export function commandWithHelp(name: string, { notes, exitCodes, examples }: HelpText): Command {
  const blocks = [
    ...(notes === undefined ? [] : [notes]),
    ['Exit codes:', ...exitCodes].join('\n  '),
    ['Examples:', ...examples.map((example) => example.replaceAll('%', programName()))].join('\n  '),
  ];
  return new Command(name)
    .exitOverride()
    .configureOutput(ERRORS_WITHOUT_VALUES)
    .showHelpAfterError('(run with --help for usage)')
    .addHelpText('after', `\n${blocks.join('\n\n')}`);
}
