import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { isNewer, type KubeObject, type Resource } from '../../object/index.ts';

export const LEASES: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
};

/** Waits between tries are extended by up to this factor at random, so that processes do not try at the same time. */
const JITTER_FACTOR = 1.2;
const SECOND_MS = 1000;

/** As in client-go's `LeaderElectionConfig` (k8s.io/client-go/tools/leaderelection); milliseconds. */
export interface LeaseTimings {
  /** How long followers wait after the last renewal that they saw. The holder may write for the same time after a renewal. */
  readonly leaseDurationMs: number;
  /** How long the holder tries to renew the Lease before it stops. */
  readonly renewDeadlineMs: number;
  /** Time between two renewals, and between two tries. */
  readonly retryPeriodMs: number;
}

/** The Lease, and the timings of the leader election. */
export interface LeaseSettings extends LeaseTimings {
  readonly namespace: string;
  readonly name: string;
  /** The pod in which this process runs, in the namespace of the Lease; undefined: none, or not known. */
  readonly pod?: HolderPod | undefined;
}

/** The pod of a process that takes part in the leader election. */
export interface HolderPod {
  readonly name: string;
  readonly uid: string;
}

/** The identity of a new process: unique, and with its pod, so that others can see whether the pod still exists. */
export function newIdentity(pod: HolderPod | undefined): string {
  const host = pod === undefined ? hostname() : `${pod.name}_${pod.uid}`;
  return `${host}_${randomUUID()}`;
}

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const POD_IDENTITY = new RegExp(`^(?<name>[a-z0-9][a-z0-9.-]{0,252})_(?<uid>${UUID})_${UUID}$`);

/** The pod in an identity; undefined: the process runs elsewhere, or another program wrote the identity. */
export function podOfIdentity(identity: string): HolderPod | undefined {
  const { name, uid } = POD_IDENTITY.exec(identity)?.groups ?? {};
  return name === undefined || uid === undefined ? undefined : { name, uid };
}

/** A message about invalid timings; undefined: they are valid. The rules are those of client-go. */
export function timingsProblem(timings: LeaseTimings): string | undefined {
  const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = timings;
  if (leaseDurationMs < SECOND_MS || leaseDurationMs % SECOND_MS !== 0) {
    return `expected a lease duration of whole seconds, because a Lease cannot hold fractions, found ${seconds(leaseDurationMs)}`;
  }
  if (leaseDurationMs <= renewDeadlineMs) {
    return (
      'expected a lease duration longer than the renew deadline, so that a leader stops before another process takes over, ' +
      `found ${seconds(leaseDurationMs)} and ${seconds(renewDeadlineMs)}`
    );
  }
  if (retryPeriodMs <= 0 || renewDeadlineMs <= retryPeriodMs * JITTER_FACTOR) {
    return (
      `expected a renew deadline longer than ${JITTER_FACTOR} times the retry period, so that there is time for a second try, ` +
      `found ${seconds(renewDeadlineMs)} and ${seconds(retryPeriodMs)}`
    );
  }
  return undefined;
}

function seconds(milliseconds: number): string {
  return `${milliseconds / SECOND_MS}s`;
}

/** A wait between two tries, with jitter. Milliseconds. */
export function jittered(milliseconds: number): number {
  return milliseconds * (1 + Math.random() * JITTER_FACTOR);
}

/** The content of a Lease. Without `renewTime`, because it must not be compared with the local clock. */
export interface LeaseRecord {
  /** undefined: no process holds the Lease. */
  readonly holder: string | undefined;
  /** undefined: the Lease does not specify it. */
  readonly durationMs: number | undefined;
  /** As written in the Lease. */
  readonly acquireTime: string | undefined;
  readonly transitions: number;
}

/** Reads `spec` of a Lease, every field of which may be missing. */
export function leaseRecord(spec: unknown): LeaseRecord {
  // The API server checks types: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/
  const { holderIdentity, leaseDurationSeconds, acquireTime, leaseTransitions } = (spec ?? {}) as {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly leaseTransitions?: number;
  };
  return {
    holder: holderIdentity === '' ? undefined : holderIdentity,
    durationMs: leaseDurationSeconds === undefined ? undefined : leaseDurationSeconds * SECOND_MS,
    acquireTime,
    transitions: leaseTransitions ?? 0,
  };
}

/** `spec` of a Lease, or undefined. */
export function specOf(lease: KubeObject): unknown {
  return 'spec' in lease ? lease.spec : undefined;
}

/** A MicroTime, the format of times in a Lease: RFC 3339 with six fractional digits. */
export function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}

/** A version of a Lease. */
export interface LeaseVersion {
  readonly resourceVersion: string;
  readonly spec: unknown;
}

/**
 * The observed record of a Lease, and since when it has not changed, on the local monotonic clock. Only this determines
 * whether a Lease has expired. The times in the Lease come from another process's clock, so they are never used.
 */
export class LeaseObservation {
  readonly #identity: string;
  readonly #ownDurationMs: number;
  #seen: { readonly version: string; readonly text: string; readonly record: LeaseRecord } | undefined;
  #since = 0;

  /** @param ownDurationMs - used if the Lease does not specify a duration */
  constructor(identity: string, ownDurationMs: number) {
    this.#identity = identity;
    this.#ownDurationMs = ownDurationMs;
  }

  /** The last known holder of the Lease; undefined: it has none, or it is not known yet. */
  get holder(): string | undefined {
    return this.#seen?.record.holder;
  }

  /** The newest known version; undefined: none. */
  get version(): string | undefined {
    return this.#seen?.version;
  }

  /**
   * Records the response to a read, which is the newest version on the server. If `known` is newer than the response, the server's
   * versions have gone back, for example after a restore of etcd. Then the earlier observation no longer counts.
   *
   * @param known - the newest known version before the read began
   */
  noteRead(lease: LeaseVersion, known: string | undefined, now: number): void {
    if (known !== undefined && isNewer(known, lease.resourceVersion)) this.#seen = undefined;
    this.note(lease, now);
  }

  /** Records a version that was observed at `now`. Ignores a version that is older than the known one. */
  note({ resourceVersion, spec }: LeaseVersion, now: number): void {
    if (this.#seen !== undefined && !isNewer(resourceVersion, this.#seen.version)) return;
    const text = JSON.stringify(spec ?? null);
    // Only a change of `spec` is a renewal, not, for example, a new label.
    if (text !== this.#seen?.text) this.#since = now;
    this.#seen = { version: resourceVersion, text, record: leaseRecord(spec) };
  }

  /** Milliseconds after `now` until the Lease can be acquired; 0: now, as far as is known. */
  waitAt(now: number): number {
    const record = this.#seen?.record;
    if (record?.holder === undefined || record.holder === this.#identity) return 0;
    return Math.max(0, this.#since + (record.durationMs ?? this.#ownDurationMs) - now);
  }
}
