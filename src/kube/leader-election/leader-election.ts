import { randomUUID } from 'node:crypto';
import { hostname, uptime } from 'node:os';
import type { Logger } from 'pino';
import { type KubeObject, type Stored, storedMeta } from '../../object/index.ts';
import { Reflector, Store } from '../cache/index.ts';
import type { KubeClient } from '../client/index.ts';
import { hasReason } from '../errors.ts';
import { jittered, LEASES, LeaseObservation, type LeaseSettings, leaseRecord, specOf } from './lease.ts';
import { LeaseLock } from './lease-lock.ts';

/** How long the loop waits at the most before it looks again, so that one that is stuck can be told. */
const LONGEST_PAUSE_MS = 60_000;
const SHORTEST_TIMEOUT_MS = 1_000;
/** A Lease that others write all the time is tried so often at once. */
const TRIES_AT_ONCE = 3;

/** This process was the leader and is no more, or must no longer be sure of it: it must not go on. */
class LeadershipLost extends Error {
  override readonly name = 'LeadershipLost';
}

type SeenLease = Stored & { readonly spec: unknown };

/**
 * Leader election on a Lease, with client-go's protocol (k8s.io/client-go/tools/leaderelection), so that `kubectl`
 * and others read it as usual. What differs: a follower watches the Lease, and so takes over at once where it is
 * released; a leader that finds another in its place when it renews stops at once; and {@link assertLeading} keeps one whose
 * renewals are late from writing, whatever timers do.
 */
export class LeaderElection {
  readonly description = 'leader election';
  /** `<hostname>_<uuid>`: another one for each process. */
  readonly identity = `${hostname()}_${randomUUID()}`;
  readonly #settings: LeaseSettings;
  readonly #log: Logger;
  readonly #lock: LeaseLock;
  readonly #observation: LeaseObservation;
  readonly #reflector: Reflector<SeenLease>;
  readonly #leading = Promise.withResolvers<void>();
  readonly #lost = Promise.withResolvers<never>();
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #wake: () => void = () => undefined;
  #movedAt = performance.now();
  /** The Lease as we wrote it last, and when that request began; undefined: we do not hold it. */
  #held: { readonly lease: KubeObject; readonly since: Moment } | undefined;
  #followed: string | undefined;
  #reached = false;
  #problem: string | undefined;

  /**
   * @param options.client - one with connections of its own, so that a renewal never waits behind other requests,
   *   and with no fence
   */
  constructor(options: { client: KubeClient; settings: LeaseSettings; log: Logger }) {
    const { client, settings, log } = options;
    const { namespace, name, leaseDurationMs: durationMs } = settings;
    this.#settings = settings;
    this.#log = log.child({ lease: `${namespace}/${name}` });
    this.#lock = new LeaseLock({ client, identity: this.identity, namespace, name, durationMs });
    this.#observation = new LeaseObservation(this.identity, durationMs);
    const store = new Store<SeenLease>({});
    store.onChange(({ after }) => {
      if (after !== undefined) this.#observe(after);
    });
    this.#reflector = new Reflector<SeenLease>({
      client,
      resource: LEASES,
      selection: { namespace, fieldSelector: `metadata.name=${name}` },
      project: (lease) => ({ ...storedMeta(lease), spec: specOf(lease) }),
      store,
      log,
    });
  }

  /** Resolves when this process leads; never where it does not. */
  get leading(): Promise<void> {
    return this.#leading.promise;
  }

  /** Rejects with {@link LeadershipLost}, once: the process must end then. */
  get lost(): Promise<never> {
    return this.#lost.promise;
  }

  /** Milliseconds since the loop last did anything; while it waits, that is a minute at the most. */
  get idleMs(): number {
    return performance.now() - this.#movedAt;
  }

  /** Why it cannot take part; undefined: it leads or follows. */
  get problem(): string | undefined {
    return this.#reached ? undefined : (this.#problem ?? 'the lease has not been read yet');
  }

  /** What this process is, in a few words. */
  get role(): string {
    if (this.mayWrite()) return 'leading';
    const { holder } = this.#observation;
    return holder === undefined ? 'following nobody yet' : `following ${holder}`;
  }

  /** Whether the lease is ours and has not ended, counted from the begin of its last renewal. */
  mayWrite(): boolean {
    return this.#left() > 0;
  }

  /**
   * The fence of writes: at once wrong when the lease duration has passed, even where the process was suspended and
   * no timer has fired yet.
   *
   * @throws LeadershipLost where this process does not lead; {@link lost} rejects too if it did.
   */
  assertLeading(): void {
    if (this.mayWrite()) return;
    const error = new LeadershipLost(
      this.#held === undefined ? 'this process does not lead' : 'the lease was not renewed before its end',
    );
    if (this.#held !== undefined) this.#lost.reject(error);
    throw error;
  }

  /** Begins; may be called once. */
  start(): void {
    this.#running ??= this.#run().catch((error: unknown) => this.#lost.reject(error));
  }

  /**
   * Ends the loop. With `release` the lease is given away, so that another takes over at once: only to be asked for
   * after the last write.
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
    await Promise.all([this.#reflector.stop(), this.#keep()]);
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

  async #keep(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#pause(this.#settings.retryPeriodMs);
      await this.#renew();
    }
  }

  /** Renews, and tries again until the deadline. */
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

  /** Whether the lease has been renewed. */
  async #renewOnce(leftMs: number): Promise<boolean> {
    const signal = this.#requestTimeout(leftMs);
    try {
      let lease = this.#held?.lease;
      for (let tries = 1; ; tries += 1) {
        const since = moment();
        const written = await this.#writeUnlessChanged(lease, { signal, last: tries === TRIES_AT_ONCE });
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

  /** The Lease as written; undefined: it is another than we know. On the last try that is an error as any other. */
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
   * The Lease, after somebody else has written it; undefined: it has been deleted, and we may create it again.
   *
   * @throws LeadershipLost where another holds it.
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
      this.#log.warn({ reason: messageOf(error) }, 'lease not released, others take over when it ends');
    }
  }

  async #releaseOnce(lease: KubeObject | undefined, signal: AbortSignal): Promise<void> {
    if (lease !== undefined) await this.#lock.release(lease, signal);
  }

  /** Half of the deadline, at least a second, as in client-go: where a connection hangs there is time for another. */
  #requestTimeout(leftMs: number): AbortSignal {
    this.#movedAt = performance.now();
    const usual = Math.max(this.#settings.renewDeadlineMs / 2, SHORTEST_TIMEOUT_MS);
    return AbortSignal.timeout(Math.ceil(Math.min(leftMs, usual)));
  }

  /** How many milliseconds we may still write without a renewal. */
  #left(): number {
    return this.#held === undefined ? 0 : this.#settings.leaseDurationMs - elapsedSince(this.#held.since);
  }

  async #pause(milliseconds: number): Promise<void> {
    this.#movedAt = performance.now();
    if (this.#stopping.signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(milliseconds, LONGEST_PAUSE_MS));
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
  }

  /** Says a problem once for as long as it stays the same. */
  #report(error: unknown, message: string): void {
    const reason = messageOf(error);
    const fields = hasReason(error, 'Forbidden')
      ? { reason, advice: 'grant what the chart grants: create, get, list, watch and update of leases there' }
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
 * Milliseconds, rather too many than too few: Linux' monotonic clock stands still while the machine sleeps, the
 * time since boot does not, but has few digits.
 */
function elapsedSince({ monotonicMs, sinceBootMs }: Moment): number {
  return Math.max(performance.now() - monotonicMs, uptime() * 1000 - sinceBootMs);
}
