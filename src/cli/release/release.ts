import type { KubeConfig } from '@kubernetes/client-node';
import type { KubeClient } from '../../kube/index.ts';
import { type CommandScope, checkNamespaces, withCluster } from '../cluster/index.ts';
import { type LeasePlace, waitForNoLeader } from './leader.ts';
import { ReleaseNamespaces } from './namespaces.ts';
import type { ReleaseResult, ReportProgress } from './progress.ts';
import { ScanUnbinder } from './scans.ts';
import { SecretDeleter } from './secrets.ts';

/** The scope of a release, and the limits on its waits. */
export interface ReleaseSettings {
  readonly scope: CommandScope;
  /** The Leases that a controller may hold as the leader. */
  readonly leases: readonly LeasePlace[];
  /** Limit on the wait for a leader to stop, in milliseconds. */
  readonly leaderTimeoutMs: number;
  /** Limit on the wait for Scans that mount one of our Secrets, in milliseconds. */
  readonly scanTimeoutMs: number;
}

/**
 * Removes everything that the controller has written to a cluster, before the controller is uninstalled. Waits until no
 * controller is the leader, then unbinds every ScheduledScan, then deletes the Secrets. Needs neither bindings nor their
 * CRD. It does not repeat completed work, so it can be interrupted and repeated at any time.
 *
 * @throws UserError if it cannot start, or the API server no longer answers
 */
export async function release(
  config: KubeConfig,
  settings: ReleaseSettings,
  progress: ReportProgress,
): Promise<ReleaseResult> {
  const { scope } = settings;
  const needs = 'list, get and update scheduledscans, list scans, and list and delete secrets';
  return withCluster(config, { scope, needs }, 'release', async (client) => {
    if (scope.kind === 'Namespaces') await checkNamespaces(client, scope.names);
    await Promise.all(
      settings.leases.map((place) => waitForNoLeader(client, place, settings.leaderTimeoutMs, progress)),
    );
    return releaseAll(client, settings, progress);
  });
}

async function releaseAll(
  client: KubeClient,
  { scope, scanTimeoutMs }: ReleaseSettings,
  progress: ReportProgress,
): Promise<ReleaseResult> {
  const namespaces = new ReleaseNamespaces(client, scope);
  const scans = new ScanUnbinder(client, namespaces, progress);
  const secrets = new SecretDeleter(client, namespaces, progress);
  await scans.run();
  await secrets.run(scanTimeoutMs);
  // Unbind again, because a controller that still runs has had time to bind the scans again.
  await scans.run();
  return {
    scans: scans.count,
    secrets: secrets.count,
    left: [...namespaces.problems, ...scans.left, ...secrets.left],
  };
}
