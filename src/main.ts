#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import {
  auditCommand,
  checkCommand,
  completionCommand,
  controllerCommand,
  ERRORS_WITHOUT_VALUES,
  EXIT_USAGE,
  explainCommand,
  handleOutputErrors,
  printCompletions,
  programName,
  registerWebhookCommand,
  unbindCommand,
  unregisterWebhookCommand,
  validateCommand,
  versionCommand,
  wordsToComplete,
} from './cli/index.ts';

// DNS look-ups use up to half of libuv's threads (`lookupPlaces` in src/registry). libuv reads this when it first uses
// the pool.
process.env['UV_THREADPOOL_SIZE'] ??= '24';
handleOutputErrors();
const program = new Command(programName())
  .description(
    'Give the Trivy scans of secureCodeBox the credentials to pull images from private registries.',
  )
  .version(packageJson.version)
  .showHelpAfterError('(run with --help for usage; flags follow the command, for example: audit -n shop)')
  .exitOverride()
  .configureOutput(ERRORS_WITHOUT_VALUES)
  .addHelpText(
    'after',
    `
Examples:
  ${programName()} explain registry.example.org/shop/payments:1.0 -n shop
  ${programName()} audit -A
  ${programName()} audit -A --as jane
  ${programName()} unbind --help

Documentation: https://github.com/secureCodeBox/image-credential-binding/blob/main/docs/cli.md`,
  )
  .addCommand(controllerCommand())
  .addCommand(explainCommand())
  .addCommand(validateCommand())
  .addCommand(auditCommand())
  .addCommand(checkCommand(packageJson.version))
  .addCommand(unbindCommand())
  .addCommand(registerWebhookCommand())
  .addCommand(unregisterWebhookCommand())
  .addCommand(versionCommand(packageJson.version))
  .addCommand(completionCommand());

const words = wordsToComplete(process.argv);
try {
  if (words === undefined) await program.parseAsync();
  else printCompletions(program, words);
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has already printed the error or the requested help.
  process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
}
