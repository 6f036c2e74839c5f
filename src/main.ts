#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { controllerCommand } from './commands/controller.ts';
import { explainCommand } from './commands/explain.ts';

/** Wrong use of the command line. */
const EXIT_USAGE = 2;

const program = new Command('image-credential-binding')
  .description('Lets Trivy, run by secureCodeBox, scan images from private registries.')
  .version(packageJson.version)
  .showHelpAfterError('(--help says what is expected)')
  .exitOverride()
  .addCommand(controllerCommand())
  .addCommand(explainCommand());

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has printed what is wrong, or the help that was asked for.
  process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
}
