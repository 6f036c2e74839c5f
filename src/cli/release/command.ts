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

/** Something of ours is, or may be, left. */
const EXIT_LEFT = 1;
/** The namespace in which the documentation installs the chart. */
const USUAL_NAMESPACE = 'image-credential-binding';

interface Flags extends ScopeFlags, ClusterFlags, Pick<LeaseFlags, 'leaseNamespace' | 'leaseName'> {
  readonly leaderTimeout: number;
  readonly scanTimeout: number;
}

/** `image-credential-binding release`: takes everything of ours out of a cluster. */
export function releaseCommand(): Command {
  const command = commandWithHelp('release', {
    notes:
      'It waits until no controller leads, for that would bind the scans again. A ScheduledScan whose run is due is\n' +
      'written when it has begun, or after a minute. A Secret that an unfinished Scan mounts goes when that has ended, or\n' +
      'when --scan-timeout is over. Bindings and their CRD stay, and are not needed. It may be repeated at any time; the\n' +
      "chart's uninstall runs it.",
    exitCodes: [
      '0  nothing of ours is left there',
      '1  something is left: standard error says what, why, and what to do',
      '2  wrong use, a controller that leads, or something that cannot be read',
    ],
    examples: ['% release -A', '% release -n shop,payments --scan-timeout 30m'],
  })
    .description('Lets go of every ScheduledScan and deletes the Secrets that hold copies of credentials.')
    .action((flags: Flags) => {
      // Where it is PID 1 of a container, signals without a handler are ignored. It may be cut off anywhere.
      for (const name of ['SIGTERM', 'SIGINT'] as const)
        process.once(name, () => process.exit(128 + constants.signals[name]));
      return reportUserErrors(run(flags));
    });
  const flags = [
    ...scopeFlags(),
    ...clusterFlags(),
    ...leasePlaceFlags(`that of the pod or the kubeconfig, and "${USUAL_NAMESPACE}"`),
    new Option('--leader-timeout <duration>', 'how long to wait for a controller to end')
      .argParser(parseDuration)
      .default(60_000, '1m'),
    new Option('--scan-timeout <duration>', 'how long to wait for Scans that mount a Secret')
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
  const { scans, secrets, left } = await release(config, settings, tell);
  for (const line of left) tell(`error: ${line}`);
  process.stdout.write(
    `let go of ${counted(scans, 'ScheduledScan')}, deleted ${counted(secrets, 'Secret')}\n`,
  );
  if (left.length > 0) process.exitCode = EXIT_LEFT;
}

function leases({ leaseNamespace, leaseName: name }: Flags, config: KubeConfig): readonly LeasePlace[] {
  const namespaces =
    leaseNamespace === undefined ? new Set([ownNamespace(config), USUAL_NAMESPACE]) : [leaseNamespace];
  return Array.from(namespaces, (namespace) => ({ namespace, name }));
}

function tell(line: string): void {
  process.stderr.write(`${printable(line)}\n`);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
