import type { KubeConfig } from '@kubernetes/client-node';
import type { KubeClient } from '../../kube/index.ts';
import { checkNamespaces, type Scope, withCluster } from '../cluster/index.ts';
import { type LeasePlace, waitForNoLeader } from './leader.ts';
import { Places } from './places.ts';
import type { Progress, Released } from './progress.ts';
import { ScanRelease } from './scans.ts';
import { SecretRelease } from './secrets.ts';

/** What is released, and how long for what is waited. */
export interface ReleaseSettings {
  readonly scope: Scope;
  /** By each of them a controller might lead. */
  readonly leases: readonly LeasePlace[];
  /** How long a controller that leads may take to end; milliseconds. */
  readonly leaderTimeoutMs: number;
  /** How long Scans may take that mount a Secret of ours; milliseconds. */
  readonly scanTimeoutMs: number;
}

/**
 * Takes everything of ours out of a cluster, before the controller goes for good: first waits until none leads, then lets
 * go of every ScheduledScan, then deletes the Secrets. Needs neither bindings nor their CRD. What has been done is not
 * done again, so it may be cut off, and repeated, at any time.
 *
 * @throws UserError where it could not be begun, or the API server could not be asked any more
 */
export async function release(
  config: KubeConfig,
  settings: ReleaseSettings,
  progress: Progress,
): Promise<Released> {
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
  progress: Progress,
): Promise<Released> {
  const places = new Places(client, scope);
  const scans = new ScanRelease(client, places, progress);
  const secrets = new SecretRelease(client, places, progress);
  await scans.run();
  await secrets.run(scanTimeoutMs);
  // Whoever binds scans again has had the time for it.
  await scans.run();
  return {
    scans: scans.count,
    secrets: secrets.count,
    left: [...places.problems, ...scans.left, ...secrets.left],
  };
}
