import { setTimeout as sleep } from 'node:timers/promises';
import {
  hasReason,
  type KubeClient,
  LEASES,
  LeaseObservation,
  podOfIdentity,
  specOf,
} from '../../kube/index.ts';
import type { KubeObject, Resource } from '../../object/index.ts';
import { quoted } from '../../text/index.ts';
import { isAnonymous } from '../cluster/index.ts';
import { UserError } from '../errors.ts';
import type { ReportProgress } from './progress.ts';

const POLL_MS = 1_000;
/** The duration of a Lease that does not specify one: client-go's default. */
const DURATION_MS = 15_000;

const PODS: Resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod' };

/** A Lease that controllers use for leader election. */
export interface LeasePlace {
  readonly namespace: string;
  readonly name: string;
  /**
   * Whether the controller has been uninstalled: its rights no longer exist, so that it can neither release the Lease nor
   * write anything. Then a holder whose pod no longer exists has stopped. Otherwise, only its Lease counts, because a process
   * can continue to write after its pod was deleted by force.
   */
  readonly isUninstalled: boolean;
}

/**
 * Waits until no controller holds the Lease, because a leader would bind the unbound scans again. A controller that stops
 * releases the Lease. If a controller was killed, its Lease expires after its duration without a renewal.
 *
 * @throws UserError if the Lease is still held after `timeoutMs`, KubeError
 */
export async function waitForNoLeader(
  client: KubeClient,
  place: LeasePlace,
  timeoutMs: number,
  progress: ReportProgress,
): Promise<void> {
  const observation = new LeaseObservation('', DURATION_MS);
  const end = performance.now() + timeoutMs;
  for (let isReported = false; ; isReported = true) {
    const lease = await read(client, place);
    if (lease === undefined) {
      return progress(`the Lease ${nameOf(place)} does not exist, so no controller holds it`);
    }
    const wait = await waitFor(client, place, { observation, lease });
    if (wait === 0) return;
    const holder = quoted(observation.holder ?? '');
    if (performance.now() >= end) throw stillHeld(place, holder, timeoutMs);
    if (!isReported) progress(`waiting for the controller ${holder} to release the Lease ${nameOf(place)}`);
    await sleep(Math.min(wait, POLL_MS));
  }
}

/** Milliseconds until the Lease that was just read expires; 0: no controller holds it any more. */
async function waitFor(
  client: KubeClient,
  place: LeasePlace,
  { observation, lease }: { readonly observation: LeaseObservation; readonly lease: KubeObject },
): Promise<number> {
  const now = performance.now();
  const { resourceVersion = '' } = lease.metadata;
  observation.noteRead({ resourceVersion, spec: specOf(lease) }, observation.version, now);
  return (await hasStopped(client, place, observation)) ? 0 : observation.waitAt(now);
}

/**
 * Whether the controller has been uninstalled, and the pod of the holder no longer exists. The kubelet deletes a pod after its
 * processes have ended.
 */
async function hasStopped(
  client: KubeClient,
  { namespace, isUninstalled }: LeasePlace,
  { holder = '' }: LeaseObservation,
): Promise<boolean> {
  const pod = podOfIdentity(holder);
  if (!isUninstalled || pod === undefined) return false;
  try {
    const { metadata } = await client.get(PODS, { namespace, name: pod.name });
    return metadata.uid !== pod.uid;
  } catch (error) {
    // Without the right to get pods, only the Lease counts.
    if (hasReason(error, 'Forbidden')) return false;
    if (hasReason(error, 'NotFound')) return true;
    throw error;
  }
}

async function read(client: KubeClient, place: LeasePlace): Promise<KubeObject | undefined> {
  try {
    return await client.get(LEASES, place);
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    if (!hasReason(error, 'Forbidden') || isAnonymous(error)) throw error;
    throw new UserError(
      `${error.message}; expected permission to get the Lease ${nameOf(place)}, which shows whether a controller is ` +
        'the leader; request a Role in that namespace, or choose the Lease with --lease-namespace and --lease-name',
    );
  }
}

function stillHeld(place: LeasePlace, holder: string, timeoutMs: number): UserError {
  return new UserError(
    `expected no controller to be the leader, found the Lease ${nameOf(place)} held by ${holder} after ` +
      `${timeoutMs / 1_000} s; stop the controller first, because it would bind the ScheduledScans again (helm uninstall, ` +
      'scale its Deployment to 0, or press Ctrl-C where it runs), or delete the bindings, so that the controller unbinds the scans itself',
  );
}

function nameOf({ namespace, name }: LeasePlace): string {
  return `${namespace}/${name}`;
}
