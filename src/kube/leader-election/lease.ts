import { isNewer, type KubeObject, type Resource } from '../../object/index.ts';

export const LEASES: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
};

/** Waits between tries grow by up to this factor at random, so that many do not come at the same time. */
const JITTER_FACTOR = 1.2;
const SECOND_MS = 1000;

/** As in client-go's `LeaderElectionConfig` (k8s.io/client-go/tools/leaderelection); milliseconds. */
export interface LeaseTimings {
  /** How long others wait after the last renewal that they have seen; also how long the holder may write after it. */
  readonly leaseDurationMs: number;
  /** How long the holder tries to renew before it gives up. */
  readonly renewDeadlineMs: number;
  /** Time between two renewals, and between tries. */
  readonly retryPeriodMs: number;
}

/** Which Lease, and how it is held. */
export interface LeaseSettings extends LeaseTimings {
  readonly namespace: string;
  readonly name: string;
}

/** What is wrong with the timings, for people; undefined: nothing. The rules are client-go's. */
export function timingsProblem(timings: LeaseTimings): string | undefined {
  const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = timings;
  if (leaseDurationMs < SECOND_MS || leaseDurationMs % SECOND_MS !== 0) {
    return `expected a lease duration of whole seconds, for a Lease holds no others, found ${seconds(leaseDurationMs)}`;
  }
  if (leaseDurationMs <= renewDeadlineMs) {
    return (
      'expected a lease duration longer than the renew deadline, so that a leader gives up before others take over, ' +
      `found ${seconds(leaseDurationMs)} and ${seconds(renewDeadlineMs)}`
    );
  }
  if (retryPeriodMs <= 0 || renewDeadlineMs <= retryPeriodMs * JITTER_FACTOR) {
    return (
      `expected a renew deadline longer than ${JITTER_FACTOR} times the retry period, so that there is a second try, ` +
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

/** What a Lease says; its times are left out, for no clock of ours is compared with them. */
export interface LeaseRecord {
  /** Who holds it; undefined: nobody. */
  readonly holder: string | undefined;
  /** undefined: it does not say. */
  readonly durationMs: number | undefined;
  /** As it stands in the Lease. */
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

/** `spec` of a Lease; the Lease as the API server stores it has it beside `metadata`. */
export function specOf(lease: KubeObject): unknown {
  return 'spec' in lease ? lease.spec : undefined;
}

/** A MicroTime, as Leases have them: RFC 3339 with six digits of a second. */
export function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}

/** A version of a Lease. */
export interface LeaseVersion {
  readonly resourceVersion: string;
  readonly spec: unknown;
}

/**
 * What has been seen of a Lease, and since when its record has stood still: by that, on the local monotonic clock,
 * a lease is judged, never by the times in it, which are of somebody else's clock.
 */
export class LeaseObservation {
  readonly #identity: string;
  readonly #ownDurationMs: number;
  #seen: { readonly version: string; readonly text: string; readonly record: LeaseRecord } | undefined;
  #since = 0;

  /** `ownDurationMs` stands in for a duration that a Lease does not tell. */
  constructor(identity: string, ownDurationMs: number) {
    this.#identity = identity;
    this.#ownDurationMs = ownDurationMs;
  }

  /** Who holds the lease as far as is known; undefined: nobody, or nothing is known. */
  get holder(): string | undefined {
    return this.#seen?.record.holder;
  }

  /** The newest version that is known; undefined: none. */
  get version(): string | undefined {
    return this.#seen?.version;
  }

  /**
   * Takes in the answer to a read, which is of the newest version there is: where `known`, which was known before the
   * read began, is newer, the server's versions have gone back, as after a restore of etcd, and what is known is of another past.
   */
  noteRead(lease: LeaseVersion, known: string | undefined, now: number): void {
    if (known !== undefined && isNewer(known, lease.resourceVersion)) this.#seen = undefined;
    this.note(lease, now);
  }

  /** Takes in a version that was seen at `now`; one that is older than what is known is ignored. */
  note({ resourceVersion, spec }: LeaseVersion, now: number): void {
    if (this.#seen !== undefined && !isNewer(resourceVersion, this.#seen.version)) return;
    const text = JSON.stringify(spec ?? null);
    // A label that somebody sets is no renewal.
    if (text !== this.#seen?.text) this.#since = now;
    this.#seen = { version: resourceVersion, text, record: leaseRecord(spec) };
  }

  /** How many milliseconds after `now` the lease can be had; 0: now, as far as is known. */
  waitAt(now: number): number {
    const record = this.#seen?.record;
    if (record?.holder === undefined || record.holder === this.#identity) return 0;
    return Math.max(0, this.#since + (record.durationMs ?? this.#ownDurationMs) - now);
  }
}
