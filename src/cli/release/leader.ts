import { setTimeout as sleep } from 'node:timers/promises';
import { hasReason, type KubeClient, LEASES, LeaseObservation, specOf } from '../../kube/index.ts';
import type { KubeObject } from '../../object/index.ts';
import { quoted } from '../../text/index.ts';
import { UserError } from '../errors.ts';
import type { ReportProgress } from './progress.ts';

const POLL_MS = 1_000;
/** The duration of a Lease that does not specify one: client-go's default. */
const DURATION_MS = 15_000;

/** A Lease that controllers use for leader election. */
export interface LeasePlace {
  readonly namespace: string;
  readonly name: string;
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
    const { resourceVersion = '' } = lease.metadata;
    const now = performance.now();
    observation.noteRead({ resourceVersion, spec: specOf(lease) }, observation.version, now);
    const wait = observation.waitAt(now);
    if (wait === 0) return;
    const holder = quoted(observation.holder ?? '');
    if (now >= end) throw stillHeld(place, holder, timeoutMs);
    if (!isReported) progress(`waiting for the controller ${holder} to release the Lease ${nameOf(place)}`);
    await sleep(Math.min(wait, POLL_MS));
  }
}

async function read(client: KubeClient, place: LeasePlace): Promise<KubeObject | undefined> {
  try {
    return await client.get(LEASES, place);
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    if (!hasReason(error, 'Forbidden')) throw error;
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
