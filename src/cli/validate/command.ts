import { type Command, Option } from 'commander';
import { reportUserErrors, UserError } from '../errors.ts';
import {
  type DeliveryFlag,
  deliveryFlag,
  type FilenameFlags,
  filenameFlags,
  parseNamespace,
} from '../flags/index.ts';
import { commandWithHelp } from '../help.ts';
import { readManifests } from '../inventory/index.ts';
import type { Severity } from './finding.ts';
import { OUTPUTS, type Output, printed, summaryOf } from './output.ts';
import { validate } from './validation.ts';

/** Exit code: there is an error in an object or a file. */
const EXIT_INVALID = 1;

interface Flags extends FilenameFlags, DeliveryFlag {
  readonly namespace?: string;
  readonly missingSecrets?: Severity;
  readonly output: Output;
}

/** `image-credential-binding validate`: checks files in CI, without a cluster. */
export function validateCommand(): Command {
  const command = commandWithHelp('validate', {
    notes:
      'Prints one line for each finding: file:document: kind namespace/name: severity: message. A summary is printed to\n' +
      'standard error. Each namespace in the files is validated on its own.',
    exitCodes: [
      '0  there are no errors',
      '1  there are errors, for example an object that the API server would refuse, or a binding without a credential',
      '2  incorrect usage, or a file cannot be read',
    ],
    examples: [
      '% validate -R -f deploy/',
      '% validate -f bindings.yaml -f pull-secrets.yaml -o github',
      'kustomize build overlays/production | % validate -f -',
    ],
  })
    .description(
      'Find mistakes in files with bindings, Secrets and ScheduledScans: what the API server would refuse, and what would ' +
        'prevent the controller from using a binding. Contacts no cluster and no registry, and prints no password and no token.',
    )
    .addOption(
      new Option(
        '-n, --namespace <namespace>',
        'namespace of the objects that name none (default: the only namespace that other objects name)',
      ).argParser(parseNamespace),
    )
    .addOption(
      new Option(
        '--missing-secrets <severity>',
        'how to report a Secret that a binding names, but that is not in the files (default: an error if a Secret in the ' +
          'files has a similar name, otherwise a warning)',
      ).choices(['error', 'warning', 'info'] satisfies Severity[]),
    )
    .addOption(new Option('-o, --output <format>', 'output format').choices(OUTPUTS).default('text'))
    .action((flags: Flags) => reportUserErrors(run(flags)));
  const description =
    'YAML or JSON file to validate, or a folder with such files (- for standard input); may be repeated';
  for (const flag of [deliveryFlag(), ...filenameFlags(description)]) command.addOption(flag);
  return command;
}

async function run({ filename, recursive = false, output, ...settings }: Flags): Promise<void> {
  if (filename.length === 0)
    throw new UserError('expected at least one file or folder, found none; name one with --filename');
  const read = await readManifests(filename, recursive);
  const validation = validate(read, {
    namespace: undefined,
    missingSecrets: undefined,
    delivery: undefined,
    ...settings,
  });
  process.stdout.write(printed(validation.findings, output));
  process.stderr.write(`${summaryOf(validation)}\n`);
  if (validation.findings.some(({ severity }) => severity === 'error')) process.exitCode = EXIT_INVALID;
}
