import type { KubeConfig } from '@kubernetes/client-node';
import type { KubeClient } from '../../kube/index.ts';
import { keyOf } from '../../object/index.ts';
import { type CommandScope, checkNamespaces, withCluster } from '../cluster/index.ts';
import { HeldScanResumer, heldScans, isResumed } from './held-scans.ts';
import { type LeasePlace, waitForNoLeader } from './leader.ts';
import { UnbindNamespaces } from './namespaces.ts';
import type { ReportProgress, UnbindPreview, UnbindSummary } from './progress.ts';
import { boundScans, ScanUnbinder } from './scans.ts';
import { SecretDeleter, trivySecrets } from './secrets.ts';

const USER_AGENT = 'unbind';

/** The scope of the command, and the limits on its waits. */
export interface UnbindSettings {
  readonly scope: CommandScope;
  /** The Leases that a controller may hold as the leader. */
  readonly leases: readonly LeasePlace[];
  /** Limit on the wait for a leader to stop, in milliseconds. */
  readonly leaderTimeoutMs: number;
  /** Limit on the wait for Scans that mount one of our Secrets, in milliseconds. */
  readonly scanTimeoutMs: number;
}

/**
 * Lists what {@link unbind} would write, and writes nothing. Does not wait for a leader.
 *
 * @throws UserError if the cluster cannot be read
 */
export async function previewUnbind(config: KubeConfig, scope: CommandScope): Promise<UnbindPreview> {
  const needs = 'list scheduledscans, scans and secrets';
  return withCluster(config, { scope, needs }, USER_AGENT, async (client) => {
    if (scope.kind === 'Namespaces') await checkNamespaces(client, scope.names);
    const namespaces = new UnbindNamespaces(client, scope);
    const scans = await boundScans(namespaces);
    const secrets = await trivySecrets(namespaces);
    const held = await heldScans(namespaces);
    return {
      held: held.filter(isResumed).map(keyOf),
      marked: held.filter((run) => !isResumed(run)).map(keyOf),
      scans: scans.map(keyOf),
      secrets: secrets.filter(({ isTerminating }) => !isTerminating).map(keyOf),
      problems: namespaces.problems,
    };
  });
}

/**
 * Removes everything that the controller has written to a cluster, before the controller is uninstalled. Waits until no
 * controller is the leader, then resumes held Scans, then unbinds every ScheduledScan, then deletes the Secrets. Needs neither
 * bindings nor their CRD. It does not repeat completed work, so it can be interrupted and repeated at any time.
 *
 * @throws UserError if it cannot start, or the API server no longer answers
 */
export async function unbind(
  config: KubeConfig,
  settings: UnbindSettings,
  progress: ReportProgress,
): Promise<UnbindSummary> {
  const { scope } = settings;
  const needs = 'list, get and update scheduledscans and scans, and list and delete secrets';
  return withCluster(config, { scope, needs }, USER_AGENT, async (client) => {
    if (scope.kind === 'Namespaces') await checkNamespaces(client, scope.names);
    await Promise.all(
      settings.leases.map((place) => waitForNoLeader(client, place, settings.leaderTimeoutMs, progress)),
    );
    return unbindAll(client, settings, progress);
  });
}

async function unbindAll(
  client: KubeClient,
  { scope, scanTimeoutMs }: UnbindSettings,
  progress: ReportProgress,
): Promise<UnbindSummary> {
  const namespaces = new UnbindNamespaces(client, scope);
  const scans = new ScanUnbinder(client, namespaces, progress);
  const secrets = new SecretDeleter(client, namespaces, progress);
  const held = new HeldScanResumer(client, namespaces, progress);
  await held.run();
  await scans.run();
  await secrets.run(scanTimeoutMs);
  // Unbind again, because a controller that still runs has had time to bind the scans again.
  await scans.run();
  await held.run();
  return {
    held: held.count,
    scans: scans.count,
    secrets: secrets.count,
    left: [...namespaces.problems, ...held.left, ...scans.left, ...secrets.left],
  };
}
