import type { KubeConfig } from '@kubernetes/client-node';
import { type Command, Option } from 'commander';
import { HELD_ANNOTATION } from '../../api/index.ts';
import { printable, quoted } from '../../text/index.ts';
import { exitOnSignals, reportUserErrors } from '../errors.ts';
import {
  type ClusterFlags,
  clusterFlags,
  type LeaseFlags,
  leasePlaceFlags,
  loadKubeConfig,
  ownNamespace,
  parseDuration,
  type ScopeFlags,
  scopeFlags,
  scopeOf,
} from '../flags/index.ts';
import { commandWithHelp } from '../help.ts';
import { confirmed } from './confirm.ts';
import type { LeasePlace } from './leader.ts';
import type { UnbindPreview } from './progress.ts';
import { previewUnbind, unbind } from './unbind.ts';

/** Exit code: a bound scan or a Secret remains, or may remain. The user did not confirm, for example. */
const EXIT_LEFT = 1;
/** The namespace in which the documentation installs the chart. */
const USUAL_NAMESPACE = 'image-credential-binding';

interface Flags extends ScopeFlags, ClusterFlags, Pick<LeaseFlags, 'leaseNamespace' | 'leaseName'> {
  readonly uninstalled?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly leaderTimeout: number;
  readonly scanTimeout: number;
}

/** `image-credential-binding unbind`: removes everything that the controller has written to a cluster. */
export function unbindCommand(): Command {
  const command = commandWithHelp('unbind', {
    notes:
      'helm uninstall runs this command. Run it yourself if the controller was not installed with Helm, or if that failed.\n' +
      'Stop the controller first: the command waits until no controller is the leader, because a leader would bind the\n' +
      'scans again. Then it resumes the Scans that the admission webhook has held. If a run of a ScheduledScan is due, it\n' +
      'waits until the run starts, at most one minute. If an unfinished Scan mounts a Secret, it waits until the Scan\n' +
      'finishes, or until --scan-timeout expires.\n\n' +
      'The command neither needs nor deletes the bindings and their CRD. You can repeat it at any time. On a terminal,\n' +
      'it asks for confirmation. If standard input is not a terminal, it does not ask.',
    exitCodes: [
      '0  all ScheduledScans are unbound, and all Secrets with copies of credentials are deleted',
      '1  some remain: standard error lists each one, the reason, and what to do; or you did not confirm',
      '2  incorrect usage, a controller is still the leader, or the cluster cannot be read',
    ],
    examples: [
      '% unbind -A --dry-run --request-timeout 30s',
      '% unbind -A --yes',
      '% unbind -n shop,payments --scan-timeout 30m',
    ],
  })
    .description(
      'Undo what the controller has done: unbind every ScheduledScan, and delete the Secrets that hold copies of credentials.',
    )
    .action((flags: Flags) => {
      exitOnSignals();
      return reportUserErrors(run(flags));
    });
  const flags = [
    ...scopeFlags(),
    ...clusterFlags(),
    ...leasePlaceFlags(`namespace of the pod or the kubeconfig context, and "${USUAL_NAMESPACE}"`),
    new Option('--dry-run', 'list what would be written, and change nothing'),
    new Option('-y, --yes', 'do not ask for confirmation on a terminal'),
    new Option(
      '--uninstalled',
      'only after the rights of the controller were deleted: do not wait for the Lease of a controller whose pod no longer exists',
    ),
    new Option('--leader-timeout <duration>', 'how long to wait for a running controller to stop')
      .argParser(parseDuration)
      .default(60_000, '1m'),
    new Option('--scan-timeout <duration>', 'how long to wait for unfinished Scans that mount a Secret')
      .argParser(parseDuration)
      .default(120_000, '2m'),
  ];
  for (const flag of flags) command.addOption(flag);
  return command;
}

async function run(flags: Flags): Promise<void> {
  const config = await loadKubeConfig(flags);
  const scope = scopeOf(flags, config);
  if (flags.dryRun === true) return printPreview(await previewUnbind(config, scope));
  if (
    flags.yes !== true &&
    process.stdin.isTTY &&
    !(await confirmedAll(await previewUnbind(config, scope), config))
  ) {
    printLine('error: not confirmed; nothing was changed');
    process.exitCode = EXIT_LEFT;
    return;
  }
  const settings = {
    scope,
    leases: leases(flags, config),
    leaderTimeoutMs: flags.leaderTimeout,
    scanTimeoutMs: flags.scanTimeout,
  };
  const { held, scans, secrets, left } = await unbind(config, settings, printLine);
  printLeft(left);
  if (held > 0) process.stdout.write(`resumed ${counted(held, 'held Scan')}\n`);
  process.stdout.write(`unbound ${counted(scans, 'ScheduledScan')}, deleted ${counted(secrets, 'Secret')}\n`);
}

function printPreview(preview: UnbindPreview): void {
  const { held, marked, scans, secrets, problems } = preview;
  const lines = [
    ...held.map((key) => `would resume Scan ${key}`),
    ...marked.map((key) => `would remove the annotation ${HELD_ANNOTATION} from Scan ${key}`),
    ...scans.map((key) => `would unbind ScheduledScan ${key}`),
    ...secrets.map((key) => `would delete Secret ${key}`),
    `would ${summary(preview)}; nothing was changed (--dry-run)`,
  ];
  printLeft(problems);
  process.stdout.write(lines.map((line) => `${printable(line)}\n`).join(''));
}

/** Whether there is nothing to write, or the user confirms. */
async function confirmedAll(preview: UnbindPreview, config: KubeConfig): Promise<boolean> {
  const { held, marked, scans, secrets } = preview;
  if ([held, marked, scans, secrets].every(({ length }) => length === 0)) return true;
  // The current context may be another one than the user thinks.
  const cluster = `the cluster at ${config.getCurrentCluster()?.server} (context ${quoted(config.getCurrentContext())})`;
  const question = `Do you want to ${summary(preview)} with copies of credentials, in ${cluster}?`;
  return confirmed(printable(question));
}

function summary({ held, scans, secrets }: UnbindPreview): string {
  const resume = held.length === 0 ? '' : `resume ${counted(held.length, 'held Scan')}, `;
  const unbind = `unbind ${counted(scans.length, 'ScheduledScan')}`;
  return `${resume}${unbind}, and delete ${counted(secrets.length, 'Secret')}`;
}

function printLeft(left: readonly string[]): void {
  for (const line of left) printLine(`error: ${line}`);
  if (left.length > 0) process.exitCode = EXIT_LEFT;
}

function leases(
  { leaseNamespace, leaseName: name, uninstalled = false }: Flags,
  config: KubeConfig,
): readonly LeasePlace[] {
  const namespaces =
    leaseNamespace === undefined ? new Set([ownNamespace(config), USUAL_NAMESPACE]) : [leaseNamespace];
  return Array.from(namespaces, (namespace) => ({ namespace, name, isUninstalled: uninstalled }));
}

function printLine(line: string): void {
  process.stderr.write(`${printable(line)}\n`);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
