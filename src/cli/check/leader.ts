import { setTimeout as sleep } from 'node:timers/promises';
import { type KubeClient, LEASES, specOf } from '../../kube/index.ts';
import type { KubeObject } from '../../object/index.ts';
import { quoted, timestamp } from '../../text/index.ts';
import type { LeasePlace } from './controller.ts';
import { type Item, missing, ok, seen, warning } from './item.ts';

const SECOND_MS = 1_000;
/** The duration of a Lease that does not specify one: client-go's default. */
const DURATION_SECONDS = 15;
/** Limit on how long the command waits for a renewal. */
const LONGEST_WAIT_MS = 30_000;

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/ */
interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
}

/**
 * Whether a controller is the leader. A Lease whose renewal is recent by this computer's clock is current. Otherwise, the
 * clocks may differ, so the command waits for a renewal, at most for the duration of the Lease.
 *
 * @throws KubeError
 */
export async function leaderItem(client: KubeClient, place: LeasePlace): Promise<Item> {
  const name = `${place.namespace}/${place.name}`;
  const first = await seen(client.get(LEASES, place));
  if (first.result === 'Hidden') {
    return warning(
      'leader',
      `you may not get the Lease ${name}, which shows whether a controller is the leader`,
      'ask an administrator, or for a Role in that namespace',
    );
  }
  if (first.result === 'Absent') {
    return missing(
      'leader',
      `the Lease ${name} does not exist, so no controller has been the leader`,
      'start the controller, or choose its Lease with --lease-namespace and --lease-name',
    );
  }
  return heldItem(client, place, first.value);
}

async function heldItem(client: KubeClient, place: LeasePlace, lease: KubeObject): Promise<Item> {
  const name = `${place.namespace}/${place.name}`;
  const { holderIdentity = '', acquireTime, renewTime, ...spec } = leaseSpec(lease);
  if (holderIdentity === '') {
    return missing(
      'leader',
      `no controller holds the Lease ${name}: the last one has stopped`,
      `start the controller, or see its log: ${logOf(place)}`,
    );
  }
  const holder = `${quoted(holderIdentity)} holds the Lease ${name}${acquireTime === undefined ? '' : ` since ${wholeSeconds(acquireTime)}`}`;
  const durationMs = (spec.leaseDurationSeconds ?? DURATION_SECONDS) * SECOND_MS;
  if (isRecent(renewTime, durationMs)) return ok('leader', holder);
  if (await isRenewed(client, place, { lease, durationMs })) {
    return ok('leader', `${holder}; its clock and that of this computer differ`);
  }
  return missing(
    'leader',
    `${holder}, but has not renewed it since ${renewTime === undefined ? 'then' : wholeSeconds(renewTime)}`,
    `see whether the pods of the controller run, and its log: ${logOf(place)}`,
  );
}

/** The chart gives the Deployment the name of the Lease. */
function logOf({ namespace, name }: LeasePlace): string {
  return `kubectl logs --namespace ${namespace} deployment/${name}`;
}

/** The API server has checked the types. */
function leaseSpec(lease: KubeObject): LeaseSpec {
  return (specOf(lease) ?? {}) as LeaseSpec;
}

function isRecent(renewTime: string | undefined, durationMs: number): boolean {
  return Math.abs(Date.now() - Date.parse(renewTime ?? '')) <= durationMs;
}

/** Whether the Lease changes within its duration. */
async function isRenewed(
  client: KubeClient,
  place: LeasePlace,
  { lease, durationMs }: { readonly lease: KubeObject; readonly durationMs: number },
): Promise<boolean> {
  const before = JSON.stringify(specOf(lease));
  const end = performance.now() + Math.min(durationMs, LONGEST_WAIT_MS);
  while (performance.now() < end) {
    await sleep(SECOND_MS);
    const now = await seen(client.get(LEASES, place));
    if (now.result === 'Seen' && JSON.stringify(specOf(now.value)) !== before) return true;
  }
  return false;
}

function wholeSeconds(time: string): string {
  const parsed = Date.parse(time);
  return Number.isNaN(parsed) ? quoted(time) : timestamp(parsed);
}
