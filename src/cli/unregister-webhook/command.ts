import { type Command, Option } from 'commander';
import { printable } from '../../text/index.ts';
import { withCluster } from '../cluster/index.ts';
import { exitOnSignals, reportUserErrors } from '../errors.ts';
import {
  type ClusterFlags,
  clusterFlags,
  loadKubeConfig,
  parseDuration,
  parseObjectName,
  type ScopeFlags,
  scopeFlags,
  scopeOf,
} from '../flags/index.ts';
import { commandWithHelp } from '../help.ts';
import { unregisterWebhook } from './unregister.ts';

/** Exit code: a Scan is still held. */
const EXIT_LEFT = 1;

interface Flags extends ScopeFlags, ClusterFlags {
  readonly configuration: string;
  readonly holdTimeout: number;
}

/** `image-credential-binding unregister-webhook`: switches the admission webhook off without leaving held Scans. */
export function unregisterWebhookCommand(): Command {
  const command = commandWithHelp('unregister-webhook', {
    notes:
      'helm upgrade runs this command if it switches the webhook off. Run it yourself before you roll back or downgrade to a\n' +
      'version without the webhook, or if you install without hooks. Let the controller run meanwhile, so that it can bind the\n' +
      'Scans that it holds. The command can be repeated at any time.',
    exitCodes: [
      '0  no API server calls the webhook, and no Scan is held',
      '1  a Scan is still held, or a namespace could not be read: standard error says what to do',
      '2  incorrect usage, or the cluster cannot be read or written',
    ],
    examples: ['% unregister-webhook -A --configuration image-credential-binding'],
  })
    .description(
      'Switch the admission webhook off: delete its MutatingWebhookConfiguration, and wait until no Scan is held.',
    )
    .action((flags: Flags) => {
      exitOnSignals();
      return reportUserErrors(run(flags));
    });
  const own = [
    new Option('--configuration <name>', 'MutatingWebhookConfiguration of the webhook')
      .argParser(parseObjectName)
      .makeOptionMandatory(),
    new Option(
      '--hold-timeout <duration>',
      'how long to wait for the controller before this command resumes the held Scans as they are',
    )
      .argParser(parseDuration)
      .default(60_000, '1m'),
  ];
  for (const flag of [...scopeFlags(), ...clusterFlags(), ...own]) command.addOption(flag);
  return command;
}

async function run({ configuration, holdTimeout: holdTimeoutMs, ...flags }: Flags): Promise<void> {
  const config = await loadKubeConfig(flags);
  const scope = scopeOf(flags, config);
  const needs = 'get and delete this MutatingWebhookConfiguration, and list, get and update scans';
  const { isDeleted, resumed, left } = await withCluster(
    config,
    { scope, needs },
    'unregister-webhook',
    (client) => unregisterWebhook(client, { configuration, scope, holdTimeoutMs }, printLine),
  );
  for (const line of left) printLine(`error: ${line}`);
  if (left.length > 0) process.exitCode = EXIT_LEFT;
  const what = isDeleted ? 'deleted' : 'found no';
  process.stdout.write(
    `${what} MutatingWebhookConfiguration ${configuration}; resumed ${resumed} held ${resumed === 1 ? 'Scan' : 'Scans'}\n`,
  );
}

function printLine(line: string): void {
  process.stderr.write(`${printable(line)}\n`);
}
