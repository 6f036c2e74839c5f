import { constants } from 'node:os';
import type { KubeConfig } from '@kubernetes/client-node';
import { type Command, Option } from 'commander';
import { printable } from '../../text/index.ts';
import { reportUserErrors } from '../errors.ts';
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
import type { LeasePlace } from './leader.ts';
import { release } from './release.ts';

/** Exit code: a bound scan or a Secret remains, or may remain. */
const EXIT_LEFT = 1;
/** The namespace in which the documentation installs the chart. */
const USUAL_NAMESPACE = 'image-credential-binding';

interface Flags extends ScopeFlags, ClusterFlags, Pick<LeaseFlags, 'leaseNamespace' | 'leaseName'> {
  readonly uninstalled?: boolean;
  readonly leaderTimeout: number;
  readonly scanTimeout: number;
}

/** `image-credential-binding release`: removes everything that the controller has written to a cluster. */
export function releaseCommand(): Command {
  const command = commandWithHelp('release', {
    notes:
      'Waits until no controller is the leader, because a leader would bind the scans again. If a run of a ScheduledScan\n' +
      'is due, waits until the run starts, at most one minute. If an unfinished Scan mounts a Secret, waits until the Scan\n' +
      'finishes, or until --scan-timeout expires. Neither needs nor deletes the bindings and their CRD. The command can be\n' +
      'repeated at any time. Uninstalling the chart runs it.',
    exitCodes: [
      '0  all ScheduledScans are unbound, and all Secrets with copies of credentials are deleted',
      '1  some remain: standard error lists each one, the reason, and what to do',
      '2  incorrect usage, a controller is still the leader, or the cluster cannot be read',
    ],
    examples: ['% release -A', '% release -n shop,payments --scan-timeout 30m'],
  })
    .description('Unbind every ScheduledScan, and delete the Secrets that hold copies of credentials.')
    .action((flags: Flags) => {
      // As PID 1 of a container, the process ignores signals that have no handler. It can be interrupted at any point.
      for (const name of ['SIGTERM', 'SIGINT'] as const)
        process.once(name, () => process.exit(128 + constants.signals[name]));
      return reportUserErrors(run(flags));
    });
  const flags = [
    ...scopeFlags(),
    ...clusterFlags(),
    ...leasePlaceFlags(`namespace of the pod or the kubeconfig context, and "${USUAL_NAMESPACE}"`),
    new Option(
      '--uninstalled',
      'the rights of the controller no longer exist, so do not wait for the Lease of a controller whose pod no longer exists',
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
  const settings = {
    scope: scopeOf(flags, config),
    leases: leases(flags, config),
    leaderTimeoutMs: flags.leaderTimeout,
    scanTimeoutMs: flags.scanTimeout,
  };
  const { scans, secrets, left } = await release(config, settings, printLine);
  for (const line of left) printLine(`error: ${line}`);
  process.stdout.write(`unbound ${counted(scans, 'ScheduledScan')}, deleted ${counted(secrets, 'Secret')}\n`);
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
