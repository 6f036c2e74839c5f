import { uptime } from 'node:os';
import type { Logger } from 'pino';
import { type KubeObject, type Stored, storedMeta } from '../../object/index.ts';
import { Reflector, Store } from '../cache/index.ts';
import type { KubeClient } from '../client/index.ts';
import { hasReason } from '../errors.ts';
import {
  jittered,
  LEASES,
  LeaseObservation,
  type LeaseSettings,
  leaseRecord,
  newIdentity,
  specOf,
} from './lease.ts';
import { LeaseLock } from './lease-lock.ts';

/** Longest wait of the loop, so that a stuck loop can be distinguished from a waiting one. */
const LONGEST_PAUSE_MS = 60_000;
const SHORTEST_TIMEOUT_MS = 1_000;
/** Limit on immediate retries if other clients keep writing the Lease. */
const IMMEDIATE_TRIES = 3;

/** This process was the leader, and no longer is, or cannot be sure that it still is. It must end. */
class LeadershipLost extends Error {
  override readonly name = 'LeadershipLost';
}

type ObservedLease = Stored & { readonly spec: unknown };

/**
 * Leader election on a Lease with client-go's protocol (k8s.io/client-go/tools/leaderelection), so that `kubectl` and other
 * tools can read it. It differs from client-go in three ways. A follower watches the Lease, so it takes over immediately when
 * the Lease is released. A leader that finds another holder when it renews stops immediately. {@link assertLeading} prevents
 * writes if a renewal is late, even if timers are delayed.
 */
export class LeaderElection {
  readonly description = 'leader election';
  readonly identity: string;
  readonly #settings: LeaseSettings;
  readonly #log: Logger;
  readonly #lock: LeaseLock;
  readonly #observation: LeaseObservation;
  readonly #reflector: Reflector<ObservedLease>;
  readonly #leading = Promise.withResolvers<void>();
  readonly #lost = Promise.withResolvers<never>();
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #wake: () => void = () => undefined;
  #progressAt = performance.now();
  /** The Lease as last written by this process, and when that request began; undefined: this process does not hold it. */
  #held: { readonly lease: KubeObject; readonly since: Moment } | undefined;
  #followed: string | undefined;
  #reached = false;
  #problem: string | undefined;

  /**
   * @param options.client - with separate connections, so that a renewal never waits behind other requests, and without a
   *   fence
   */
  constructor(options: { client: KubeClient; settings: LeaseSettings; log: Logger }) {
    const { client, settings, log } = options;
    const { namespace, name, leaseDurationMs: durationMs } = settings;
    this.identity = newIdentity(settings.pod);
    this.#settings = settings;
    this.#log = log.child({ lease: `${namespace}/${name}` });
    this.#lock = new LeaseLock({ client, identity: this.identity, namespace, name, durationMs });
    this.#observation = new LeaseObservation(this.identity, durationMs);
    const store = new Store<ObservedLease>({});
    store.onChange(({ after }) => {
      if (after !== undefined) this.#observe(after);
    });
    this.#reflector = new Reflector<ObservedLease>({
      client,
      resource: LEASES,
      selection: { namespace, fieldSelector: `metadata.name=${name}` },
      project: (lease) => ({ ...storedMeta(lease), spec: specOf(lease) }),
      store,
      log,
    });
  }

  /** Resolves when this process becomes the leader. */
  get leading(): Promise<void> {
    return this.#leading.promise;
  }

  /** Rejects with {@link LeadershipLost} when this process must end. Never resolves. */
  get lost(): Promise<never> {
    return this.#lost.promise;
  }

  /** Milliseconds since the loop last made progress. While it waits, at most a minute. */
  get idleMs(): number {
    return performance.now() - this.#progressAt;
  }

  /** Why this process cannot take part in the election; undefined: it leads or follows. */
  get problem(): string | undefined {
    return this.#reached ? undefined : (this.#problem ?? 'the lease has not been read yet');
  }

  /** A short description of this process's role. */
  get role(): string {
    if (this.mayWrite()) return 'leading';
    const { holder } = this.#observation;
    return holder === undefined ? 'following, the leader is not known yet' : `following ${holder}`;
  }

  /** Whether this process holds the Lease and it has not expired, counted from the start of its last renewal. */
  mayWrite(): boolean {
    return this.#left() > 0;
  }

  /**
   * The fence of writes. Throws as soon as the lease duration has passed, even if the process was suspended and no timer has
   * fired yet.
   *
   * @throws LeadershipLost if this process does not lead. If it led before, {@link lost} also rejects.
   */
  assertLeading(): void {
    if (this.mayWrite()) return;
    const error = new LeadershipLost(
      this.#held === undefined ? 'this process does not lead' : 'the lease expired before it was renewed',
    );
    if (this.#held !== undefined) this.#lost.reject(error);
    throw error;
  }

  /** Starts to take part in the election. May be called once. */
  start(): void {
    this.#running ??= this.#run().catch((error: unknown) => this.#lost.reject(error));
  }

  /**
   * Ends the loop. With `release`, releases the Lease, so that another process takes over immediately. Only allowed after the
   * last write.
   */
  async stop({ release }: { readonly release: boolean }): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#running;
    await this.#reflector.stop();
    if (release && this.mayWrite()) await this.#release();
    this.#held = undefined;
  }

  async #run(): Promise<void> {
    while (this.#held === undefined && !this.#stopping.signal.aborted) {
      const wait = this.#observation.waitAt(performance.now());
      if (wait > 0) await this.#pause(wait);
      else await this.#try();
    }
    if (this.#stopping.signal.aborted) return;
    this.#log.info({ identity: this.identity }, 'leading');
    this.#leading.resolve();
    await Promise.all([this.#reflector.stop(), this.#keepRenewing()]);
  }

  async #try(): Promise<void> {
    try {
      await this.#takeOrFollow();
      this.#problem = undefined;
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      this.#report(error, 'lease not acquired, trying again');
      await this.#pause(jittered(this.#settings.retryPeriodMs));
    }
  }

  async #takeOrFollow(): Promise<void> {
    const timeout = this.#requestTimeout(Number.POSITIVE_INFINITY);
    const known = this.#observation.version;
    const present = await this.#lock.read(AbortSignal.any([this.#stopping.signal, timeout]));
    this.#reached = true;
    if (present !== undefined) {
      const { resourceVersion } = storedMeta(present);
      this.#observation.noteRead({ resourceVersion, spec: specOf(present) }, known, performance.now());
      this.#observed();
    }
    if (this.#observation.waitAt(performance.now()) > 0) {
      this.#reflector.start();
      return;
    }
    const since = moment();
    const lease = await this.#lock.hold(present, timeout);
    this.#held = { lease, since };
  }

  #observe(lease: { readonly resourceVersion: string; readonly spec: unknown }): void {
    this.#observation.note(lease, performance.now());
    this.#observed();
  }

  #observed(): void {
    const { holder } = this.#observation;
    if (holder !== undefined && holder !== this.identity && holder !== this.#followed) {
      this.#followed = holder;
      this.#log.info({ holder }, 'following');
    }
    this.#wake();
  }

  async #keepRenewing(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#pause(this.#settings.retryPeriodMs);
      await this.#renew();
    }
  }

  /** Renews the Lease, and retries until the deadline. */
  async #renew(): Promise<void> {
    const { renewDeadlineMs, retryPeriodMs } = this.#settings;
    const deadline = performance.now() + renewDeadlineMs;
    while (!this.#stopping.signal.aborted) {
      this.assertLeading();
      const left = Math.min(deadline - performance.now(), this.#left());
      if (left <= 0) {
        throw new LeadershipLost(`the lease could not be renewed in ${renewDeadlineMs} ms: ${this.#problem}`);
      }
      if (await this.#renewOnce(left)) return;
      await this.#pause(Math.min(retryPeriodMs, left));
    }
  }

  /** Returns whether the Lease has been renewed. */
  async #renewOnce(leftMs: number): Promise<boolean> {
    const signal = this.#requestTimeout(leftMs);
    try {
      let lease = this.#held?.lease;
      for (let tries = 1; ; tries += 1) {
        const since = moment();
        const written = await this.#writeUnlessChanged(lease, { signal, last: tries === IMMEDIATE_TRIES });
        if (written !== undefined) {
          this.#held = { lease: written, since };
          this.#problem = undefined;
          return true;
        }
        lease = await this.#readOwn(signal);
      }
    } catch (error) {
      if (error instanceof LeadershipLost) throw error;
      this.#report(error, 'lease not renewed, trying again');
      return false;
    }
  }

  /**
   * Writes the Lease, and returns it as written; undefined: the known version is out of date. On the last try, an outdated
   * version is an error, too.
   */
  async #writeUnlessChanged(
    lease: KubeObject | undefined,
    { signal, last }: { readonly signal: AbortSignal; readonly last: boolean },
  ): Promise<KubeObject | undefined> {
    try {
      return await this.#lock.hold(lease, signal);
    } catch (error) {
      if (!last && hasReason(error, 'Conflict', 'NotFound', 'AlreadyExists')) return undefined;
      throw error;
    }
  }

  /**
   * The Lease after another client has written it; undefined: it was deleted, and this process may create it again.
   *
   * @throws LeadershipLost if another process holds it
   */
  async #readOwn(signal: AbortSignal): Promise<KubeObject | undefined> {
    const lease = await this.#lock.read(signal);
    const holder = lease === undefined ? undefined : leaseRecord(specOf(lease)).holder;
    if (holder !== undefined && holder !== this.identity) {
      throw new LeadershipLost(`the lease is held by ${holder} now`);
    }
    return lease;
  }

  async #release(): Promise<void> {
    const signal = this.#requestTimeout(this.#left());
    try {
      await this.#releaseOnce(this.#held?.lease, signal).catch(async (error: unknown) => {
        if (!hasReason(error, 'Conflict', 'NotFound')) throw error;
        await this.#releaseOnce(await this.#readOwn(signal), signal);
      });
      this.#log.info('lease released');
    } catch (error) {
      this.#log.warn(
        { reason: messageOf(error) },
        'lease not released, another process takes over when it expires',
      );
    }
  }

  async #releaseOnce(lease: KubeObject | undefined, signal: AbortSignal): Promise<void> {
    if (lease !== undefined) await this.#lock.release(lease, signal);
  }

  /** Half of the deadline, at least a second, as in client-go. If a connection hangs, there is time for another one. */
  #requestTimeout(leftMs: number): AbortSignal {
    this.#progressAt = performance.now();
    const usual = Math.max(this.#settings.renewDeadlineMs / 2, SHORTEST_TIMEOUT_MS);
    return AbortSignal.timeout(Math.ceil(Math.min(leftMs, usual)));
  }

  /** Milliseconds for which this process may still write without a renewal. */
  #left(): number {
    return this.#held === undefined ? 0 : this.#settings.leaseDurationMs - elapsedSince(this.#held.since);
  }

  async #pause(milliseconds: number): Promise<void> {
    this.#progressAt = performance.now();
    if (this.#stopping.signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(milliseconds, LONGEST_PAUSE_MS));
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
  }

  /** Logs a problem as a warning once while it stays the same. */
  #report(error: unknown, message: string): void {
    const reason = messageOf(error);
    const fields = hasReason(error, 'Forbidden')
      ? {
          reason,
          advice: 'grant the rights that the chart grants: create, get, list, watch and update on leases',
        }
      : { reason };
    if (reason === this.#problem) this.#log.debug(fields, message);
    else this.#log.warn(fields, message);
    this.#problem = reason;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface Moment {
  readonly monotonicMs: number;
  readonly sinceBootMs: number;
}

function moment(): Moment {
  return { monotonicMs: performance.now(), sinceBootMs: uptime() * 1000 };
}

/**
 * Elapsed milliseconds: the larger result of two clocks, so that it is never too small. Linux's monotonic clock stops while
 * the machine is suspended. The time since boot does not stop, but it is less precise.
 */
function elapsedSince({ monotonicMs, sinceBootMs }: Moment): number {
  return Math.max(performance.now() - monotonicMs, uptime() * 1000 - sinceBootMs);
}
