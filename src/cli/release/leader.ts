import { setTimeout as sleep } from 'node:timers/promises';
import { hasReason, type KubeClient, LEASES, LeaseObservation, specOf } from '../../kube/index.ts';
import type { KubeObject } from '../../object/index.ts';
import { quoted } from '../../text/index.ts';
import { UserError } from '../errors.ts';
import type { ReportProgress } from './progress.ts';

const POLL_MS = 1_000;
/** Of a Lease that does not say how long it lasts: client-go's. */
const DURATION_MS = 15_000;

/** A Lease by which controllers agree on who leads. */
export interface LeasePlace {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Waits until nobody holds the Lease, for who leads would bind again what is let go. A controller that ends gives it up;
 * of one that was killed it is seen to stand still for as long as it lasts.
 *
 * @throws UserError where it is still held when the time is up, KubeError
 */
export async function waitForNoLeader(
  client: KubeClient,
  place: LeasePlace,
  timeoutMs: number,
  progress: ReportProgress,
): Promise<void> {
  const observation = new LeaseObservation('', DURATION_MS);
  const end = performance.now() + timeoutMs;
  for (let told = false; ; told = true) {
    const lease = await read(client, place);
    if (lease === undefined) {
      return progress(`found no Lease ${place.namespace}/${place.name}, so no controller leads by it`);
    }
    const { resourceVersion = '' } = lease.metadata;
    const now = performance.now();
    observation.noteRead({ resourceVersion, spec: specOf(lease) }, observation.version, now);
    const wait = observation.waitAt(now);
    if (wait === 0) return;
    const holder = quoted(observation.holder ?? '');
    if (now >= end) throw stillHeld(place, holder, timeoutMs);
    if (!told) progress(`waiting for the controller ${holder} to give up the Lease ${nameOf(place)}`);
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
      `${error.message}; expected to be allowed to get the Lease ${nameOf(place)}, which says whether a controller ` +
        'leads: ask for a Role there, or say where it is with --lease-namespace and --lease-name',
    );
  }
}

function stillHeld(place: LeasePlace, holder: string, timeoutMs: number): UserError {
  return new UserError(
    `expected that no controller leads, found the Lease ${nameOf(place)} held by ${holder} after ` +
      `${timeoutMs / 1_000} s; a controller that runs would bind the ScheduledScans again: stop it first (helm uninstall, ` +
      'scale its Deployment to 0, or Ctrl-C where it runs), or let it do the work (delete the bindings)',
  );
}

function nameOf({ namespace, name }: LeasePlace): string {
  return `${namespace}/${name}`;
}
