import { apiVersionOf, type KubeObject } from '../../object/index.ts';
import type { KubeClient } from '../client/index.ts';
import { hasReason } from '../errors.ts';
import { LEASES, leaseRecord, microTime, specOf } from './lease.ts';

const LARGEST_INT32 = 2 ** 31 - 1;

/**
 * The requests for one Lease on behalf of one identity. Each write applies only to the given version of the Lease
 * (`Conflict` if there is a newer one). So if several processes try at the same time, one succeeds.
 */
export class LeaseLock {
  readonly identity: string;
  readonly #client: KubeClient;
  readonly #name: { readonly namespace: string; readonly name: string };
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
    this.#name = { namespace: options.namespace, name: options.name };
    this.#durationSeconds = options.durationMs / 1000;
  }

  /** The current Lease; undefined: it does not exist. */
  async read(signal: AbortSignal): Promise<KubeObject | undefined> {
    try {
      return await this.#client.get(LEASES, this.#name, { signal });
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /**
   * Acquires the Lease, or renews it if this identity holds it. `lease` undefined: creates it. The caller must check that
   * this is allowed.
   */
  async hold(lease: KubeObject | undefined, signal: AbortSignal): Promise<KubeObject> {
    const before = lease === undefined ? undefined : leaseRecord(specOf(lease));
    const now = microTime(new Date());
    const isOwn = before?.holder === this.identity;
    const transitions = before === undefined ? 0 : before.transitions + (isOwn ? 0 : 1);
    return this.#write(
      lease,
      {
        holderIdentity: this.identity,
        leaseDurationSeconds: this.#durationSeconds,
        acquireTime: isOwn ? (before.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: Math.min(transitions, LARGEST_INT32),
      },
      signal,
    );
  }

  /** Releases the Lease: without a holder, and with a duration of one second, as client-go does. */
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
      ? this.#client.create(LEASES, { ...type, metadata: this.#name, spec }, { signal })
      : this.#client.replace(LEASES, { ...type, metadata: lease.metadata, spec }, { signal });
  }
}
