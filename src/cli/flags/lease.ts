import { readFileSync } from 'node:fs';
import type { KubeConfig } from '@kubernetes/client-node';
import { Option } from 'commander';
import type { LeaseSettings } from '../../kube/index.ts';
import { parseDuration } from './duration.ts';
import { parseNamespace, parseObjectName } from './name.ts';

/** Where a pod finds the namespace that it runs in. */
const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** What the flags of {@link leaseFlags} give. */
export interface LeaseFlags {
  readonly leaseNamespace?: string;
  readonly leaseName: string;
  readonly leaseDuration: number;
  readonly renewDeadline: number;
  readonly retryPeriod: number;
}

/** The flags of the leader election; defaults are client-go's. */
export function leaseFlags(): readonly Option[] {
  return [
    ...leasePlaceFlags('POD_NAMESPACE, else the pod\'s, else the kubeconfig\'s, else "default"'),
    duration('--lease-duration', 'how long others wait for a leader that no longer renews', 15),
    duration('--renew-deadline', 'how long a leader tries to renew before it gives up', 10),
    duration('--retry-period', 'time between renewals, and between tries', 2),
  ];
}

/**
 * The flags that say which Lease.
 *
 * @param defaultNamespace - which namespace is taken where none is given, for people
 */
export function leasePlaceFlags(defaultNamespace: string): readonly Option[] {
  return [
    new Option(
      '--lease-namespace <namespace>',
      `namespace of the Lease by which one of several processes leads (default: ${defaultNamespace})`,
    )
      .env('ICB_LEASE_NAMESPACE')
      .argParser(parseNamespace),
    new Option('--lease-name <name>', 'name of that Lease')
      .env('ICB_LEASE_NAME')
      .argParser(parseObjectName)
      .default('image-credential-binding'),
  ];
}

/** What is wrong with flags that are right each by itself; undefined: nothing. */
export async function leaseProblem(flags: LeaseFlags): Promise<string | undefined> {
  // Not loaded for --help.
  const { timingsProblem } = await import('../../kube/index.ts');
  const problem = timingsProblem(timings(flags));
  return problem && `${problem}; correct --lease-duration, --renew-deadline or --retry-period`;
}

/** The Lease to use with the cluster of `config`. */
export function leaseSettings(flags: LeaseFlags, config: KubeConfig): LeaseSettings {
  return {
    namespace: flags.leaseNamespace ?? ownNamespace(config),
    name: flags.leaseName,
    ...timings(flags),
  };
}

function timings(flags: LeaseFlags): Omit<LeaseSettings, 'namespace' | 'name'> {
  const {
    leaseDuration: leaseDurationMs,
    renewDeadline: renewDeadlineMs,
    retryPeriod: retryPeriodMs,
  } = flags;
  return { leaseDurationMs, renewDeadlineMs, retryPeriodMs };
}

/** Where a controller has its Lease unless told. */
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
