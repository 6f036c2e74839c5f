import { readFileSync } from 'node:fs';
import type { KubeConfig } from '@kubernetes/client-node';
import { Option } from 'commander';
import type { LeaseSettings } from '../../kube/index.ts';
import { parseDuration } from './duration.ts';
import { parseNamespace, parseObjectName } from './name.ts';

/** The file that contains the namespace of the pod in which the process runs. */
const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** The values of {@link leaseFlags}. Durations are in milliseconds. */
export interface LeaseFlags {
  readonly leaseNamespace?: string;
  readonly leaseName: string;
  readonly leaseDuration: number;
  readonly renewDeadline: number;
  readonly retryPeriod: number;
}

/** The flags of the leader election. The default durations are those of client-go. */
export function leaseFlags(): readonly Option[] {
  return [
    ...leasePlaceFlags('POD_NAMESPACE, the namespace of the pod or of the kubeconfig context, or "default"'),
    duration(
      '--lease-duration',
      'how long other processes wait for a leader that no longer renews the Lease, before one of them takes over',
      15,
    ),
    duration('--renew-deadline', 'how long a leader tries to renew the Lease before it exits', 10),
    duration('--retry-period', 'time between renewals, and between attempts to acquire the Lease', 2),
  ];
}

/**
 * The flags that select the Lease.
 *
 * @param defaultNamespace - a description of the namespace that is used without the flag, for the help text
 */
export function leasePlaceFlags(defaultNamespace: string): readonly Option[] {
  return [
    new Option(
      '--lease-namespace <namespace>',
      `namespace of the Lease for leader election (default: ${defaultNamespace})`,
    )
      .env('ICB_LEASE_NAMESPACE')
      .argParser(parseNamespace),
    new Option('--lease-name <name>', 'name of the Lease for leader election')
      .env('ICB_LEASE_NAME')
      .argParser(parseObjectName)
      .default('image-credential-binding'),
  ];
}

/** What is wrong with the combination of valid flags; undefined: nothing. */
export async function leaseProblem(flags: LeaseFlags): Promise<string | undefined> {
  // Imported here, so that --help does not load it.
  const { timingsProblem } = await import('../../kube/index.ts');
  const problem = timingsProblem(timings(flags));
  return problem && `${problem}; correct --lease-duration, --renew-deadline or --retry-period`;
}

/** The Lease to use with the cluster of `config`. */
export function leaseSettings(flags: LeaseFlags, config: KubeConfig): LeaseSettings {
  return {
    namespace: flags.leaseNamespace ?? ownNamespace(config),
    name: flags.leaseName,
    pod: ownPod(),
    ...timings(flags),
  };
}

/** The pod in which this process runs, as the chart's Deployment passes it; undefined: not known. */
function ownPod(): LeaseSettings['pod'] {
  const { POD_NAME: name = '', POD_UID: uid = '' } = process.env;
  return name === '' || uid === '' ? undefined : { name, uid };
}

function timings(flags: LeaseFlags): Omit<LeaseSettings, 'namespace' | 'name'> {
  const {
    leaseDuration: leaseDurationMs,
    renewDeadline: renewDeadlineMs,
    retryPeriod: retryPeriodMs,
  } = flags;
  return { leaseDurationMs, renewDeadlineMs, retryPeriodMs };
}

/** The namespace of a controller's Lease without `--lease-namespace`. */
export function ownNamespace(config: KubeConfig): string {
  const candidates = [
    process.env['POD_NAMESPACE'],
    podNamespace(),
    config.getContextObject(config.getCurrentContext())?.namespace,
  ];
  return candidates.find((namespace) => namespace !== undefined && namespace !== '') ?? 'default';
}

function podNamespace(): string | undefined {
  try {
    return readFileSync(NAMESPACE_FILE, 'utf8').trim();
  } catch {
    // Not in a pod.
    return undefined;
  }
}

function duration(flag: string, description: string, seconds: number): Option {
  const variable = `ICB_${flag.slice(2).replaceAll('-', '_').toUpperCase()}`;
  return new Option(`${flag} <duration>`, description)
    .env(variable)
    .argParser(parseDuration)
    .default(seconds * 1000, `${seconds}s`);
}
