import { apiVersionOf, type KubeObject } from '../../object/index.ts';
import type { KubeClient } from '../client/index.ts';
import { hasReason } from '../errors.ts';
import { LEASES, leaseRecord, microTime, specOf } from './lease.ts';

const LARGEST_INT32 = 2 ** 31 - 1;

/**
 * The requests for one Lease in the name of one identity. Each write holds for the version that it was given alone
 * (`Conflict` where there is another by now), so of many that try at the same time one succeeds.
 */
export class LeaseLock {
  readonly identity: string;
  readonly #client: KubeClient;
  readonly #place: { readonly namespace: string; readonly name: string };
  readonly #durationSeconds: number;

  constructor(options: {
    client: KubeClient;
    identity: string;
    namespace: string;
    name: string;
    durationMs: number;
  }) {
    this.identity = options.identity;
    this.#client = options.client;
    this.#place = { namespace: options.namespace, name: options.name };
    this.#durationSeconds = options.durationMs / 1000;
  }

  /** The Lease as it is; undefined: there is none. */
  async read(signal: AbortSignal): Promise<KubeObject | undefined> {
    try {
      return await this.#client.get(LEASES, this.#place, { signal });
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Takes the lease, or renews it where it is ours; undefined: creates it. Whether one may is the caller's to know. */
  async hold(lease: KubeObject | undefined, signal: AbortSignal): Promise<KubeObject> {
    const before = lease === undefined ? undefined : leaseRecord(specOf(lease));
    const now = microTime(new Date());
    const ours = before?.holder === this.identity;
    const transitions = before === undefined ? 0 : before.transitions + (ours ? 0 : 1);
    return this.#write(
      lease,
      {
        holderIdentity: this.identity,
        leaseDurationSeconds: this.#durationSeconds,
        acquireTime: ours ? (before.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: Math.min(transitions, LARGEST_INT32),
      },
      signal,
    );
  }

  /** Gives the lease away: it has no holder and ends in a second, as client-go leaves it. */
  async release(lease: KubeObject, signal: AbortSignal): Promise<void> {
    const now = microTime(new Date());
    const { transitions } = leaseRecord(specOf(lease));
    const spec = {
      holderIdentity: '',
      leaseDurationSeconds: 1,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: transitions,
    };
    await this.#write(lease, spec, signal);
  }

  #write(lease: KubeObject | undefined, spec: object, signal: AbortSignal): Promise<KubeObject> {
    const type = { apiVersion: apiVersionOf(LEASES), kind: LEASES.kind };
    return lease === undefined
      ? this.#client.create(LEASES, { ...type, metadata: this.#place, spec }, { signal })
      : this.#client.replace(LEASES, { ...type, metadata: lease.metadata, spec }, { signal });
  }
}
