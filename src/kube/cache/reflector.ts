import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import {
  isNewer,
  type KubeObject,
  keyOf,
  type Resource,
  type Stored,
  storedMeta,
} from '../../object/index.ts';
import { Backoff } from '../backoff.ts';
import {
  isInitialEventsEnd,
  type KubeClient,
  type Page,
  type Selection,
  type WatchEvent,
} from '../client/index.ts';
import { hasReason, KubeError } from '../errors.ts';
import { describeFault } from '../fault.ts';
import type { Store } from './store.ts';

const FIRST_RETRY_MS = 200;
/**
 * Upper bound on the back-off. It is lower than for writes, because a list costs the server little, and controllers wait
 * for it.
 */
const LONGEST_RETRY_MS = 10_000;
const LONGEST_RETRY_AFTER_MS = 30_000;
const SHORTEST_QUIET_MS = 5_000;
const SHORTEST_WATCH_SECONDS = 300;
const LONGEST_WATCH_SECONDS = 600;
/**
 * After this number of silent watches, the reflector lists again. One silent watch may be a coincidence. But a server whose
 * versions are behind the reflector's version never sends anything.
 */
const SILENCES_BEFORE_LIST = 2;

export interface ReflectorOptions<Item extends Stored, Raw extends KubeObject> {
  readonly client: KubeClient;
  readonly resource: Resource;
  readonly selection?: Selection;
  /** The projection of an object that the store keeps; undefined: the store does not keep the object. */
  readonly project: (object: Raw) => Item | undefined;
  /**
   * The replacement that the store keeps if `project` or an index of the store throws, so that the owner of the object
   * sees a reason. Without it, the store keeps its previous version.
   */
  readonly unreadable?: (object: Raw, error: unknown) => Item;
  readonly store: Pick<Store<Item, string>, 'set' | 'delete' | 'retain' | 'advance' | 'rewind'>;
  readonly log: Logger;
}

/** A reflector of any kind of object. */
export type AnyReflector = Pick<
  Reflector<Stored>,
  | 'start'
  | 'stop'
  | 'synced'
  | 'settled'
  | 'hasSynced'
  | 'watch'
  | 'namespace'
  | 'description'
  | 'state'
  | 'idleMs'
  | 'silentMs'
>;

/** What a reflector is doing. `Waiting`: a list or watch has failed, and the next try is scheduled. */
type ReflectorState = 'Listing' | 'Watching' | 'Waiting' | 'Stopped';

/**
 * Keeps a store in sync with the API server. It uses a streaming list that continues as a watch, or, if the server does not
 * support that, a paged list followed by a watch. A watch that ends continues from its last version. After 410, the reflector
 * lists again. After any other error, it retries with a growing, jittered delay that progress resets. It keeps only
 * projections, and computes each as soon as its object arrives.
 */
export class Reflector<Item extends Stored, Raw extends KubeObject = KubeObject> {
  readonly #options: ReflectorOptions<Item, Raw>;
  readonly #stopping = new AbortController();
  readonly #backoff = new Backoff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
  readonly #synced = Promise.withResolvers<void>();
  readonly #settled = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  #hasSynced = false;
  #state: ReflectorState = 'Stopped';
  #progressAt = performance.now();
  #receivedAt = performance.now();
  /** Where the next watch begins; undefined: list first. */
  #version: string | undefined;
  /** The newest version that a list or watch has reached. Kept when the reflector lists again. */
  #reached = '0';
  /** Whether the server supports streaming lists, as far as is known. */
  #streams = true;
  #silences = 0;
  /** The last problem in the log. A problem is logged once until progress resolves it. */
  #reported: string | undefined;

  constructor(options: ReflectorOptions<Item, Raw>) {
    this.#options = options;
  }

  /** The resource and the selectors, without the namespace. */
  get watch(): string {
    const { resource, selection = {} } = this.#options;
    const selectors = [selection.labelSelector, selection.fieldSelector].filter((text) => text !== undefined);
    return selectors.length === 0 ? resource.plural : `${resource.plural} (${selectors.join(', ')})`;
  }

  /** undefined: all namespaces. */
  get namespace(): string | undefined {
    return this.#options.selection?.namespace;
  }

  /** Describes the reflector for people: {@link watch}, and the namespace if there is one. */
  get description(): string {
    return this.namespace === undefined ? this.watch : `${this.watch} in ${this.namespace}`;
  }

  get state(): ReflectorState {
    return this.#state;
  }

  /** Milliseconds since an object, an event or a bookmark arrived, or since the state last changed. */
  get idleMs(): number {
    return performance.now() - this.#progressAt;
  }

  /**
   * Milliseconds since an object, an event or a bookmark arrived, or since the reflector was created. A reflector whose
   * lists keep failing makes progress, but receives nothing.
   */
  get silentMs(): number {
    return performance.now() - this.#receivedAt;
  }

  /** Whether the store has contained a complete list. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves when the store contains a complete list. Never resolves after {@link stop}. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Resolves when the store contains a complete list, or when the API server first forbids the list (403). */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** Starts to list and watch. May be called once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the list, the watch or the wait. The store does not change after this call. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#enter('Stopped');
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const error = await this.#follow();
      if (this.#stopping.signal.aborted) return;
      if (this.#mustList(error)) this.#version = undefined;
      if (this.#cannotStream(error)) this.#streams = false;
      else if (error !== undefined) await this.#wait(error);
    }
  }

  /** Lists if necessary, then watches until the server ends the watch. Returns the error, if any. */
  async #follow(): Promise<unknown> {
    try {
      if (this.#version === undefined && !this.#streams) await this.#listPages();
      await this.#watch();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #mustList(error: unknown): boolean {
    if (hasReason(error, 'Timeout')) {
      this.#silences += 1;
      return this.#silences % SILENCES_BEFORE_LIST === 0;
    }
    return hasReason(error, 'Expired', 'Gone');
  }

  /** The response of Kubernetes if the feature gate WatchList is disabled. */
  #cannotStream(error: unknown): boolean {
    return this.#streams && this.#version === undefined && hasReason(error, 'Invalid', 'BadRequest');
  }

  async #wait(error: unknown): Promise<void> {
    this.#enter('Waiting');
    const requested = error instanceof KubeError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const milliseconds = Math.min(requested, LONGEST_RETRY_AFTER_MS) + this.#backoff.next();
    this.#report(error, Math.round(milliseconds));
    await sleep(milliseconds, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  #report(error: unknown, retryInMs: number): void {
    const { log, resource } = this.#options;
    if (hasReason(error, 'Forbidden')) this.#settled.resolve();
    const fields = { resource: this.description, retryInMs };
    const problem = `${adviceFor(error, resource)} ${error}`;
    if (hasReason(error, 'Expired', 'Gone')) log.debug(fields, 'resource version expired, listing again');
    else if (problem !== this.#reported)
      log.warn({ ...fields, reason: String(error) }, adviceFor(error, resource));
    this.#reported = problem;
    log.debug({ ...fields, err: error }, 'the full error');
  }

  async #listPages(): Promise<void> {
    const { client, resource, selection = {} } = this.#options;
    const { signal } = this.#stopping;
    const keys = new Set<string>();
    let page: Page | undefined;
    do {
      this.#enter('Listing');
      page = await client.list(resource, selection, page?.next, { signal });
      this.#receivedAt = performance.now();
      signal.throwIfAborted();
      if (isNewer(this.#reached, page.resourceVersion)) this.#rewind();
      for (const object of page.items) this.#take(object, keys);
    } while (page.next !== undefined);
    this.#complete(keys, page.resourceVersion);
  }

  /** Watches until the server ends the watch. Without a version to start from, begins with a streaming list. */
  async #watch(): Promise<void> {
    const { client, resource, selection = {} } = this.#options;
    const start = {
      resourceVersion: this.#version,
      timeoutSeconds: randomBetween(SHORTEST_WATCH_SECONDS, LONGEST_WATCH_SECONDS),
    };
    const listed = this.#version === undefined ? new Set<string>() : undefined;
    this.#enter(listed === undefined ? 'Watching' : 'Listing');
    const begun = performance.now();
    let silent = true;
    for await (const event of client.watch(resource, selection, start, this.#stopping.signal)) {
      this.#stopping.signal.throwIfAborted();
      silent = false;
      this.#receivedAt = performance.now();
      this.#enter(this.#state);
      if (this.#version === undefined) this.#handleInitial(event, listed ?? new Set());
      else this.#handleChange(event);
    }
    if (this.#version === undefined)
      throw new Error('the server ended a streaming list before it was complete');
    if (!silent) return;
    // Only an immediate end is an error. A longer watch without events was cut by something on the network path, so the next
    // one starts without a delay.
    if (performance.now() - begun < SHORTEST_QUIET_MS)
      throw new Error('the server ended a watch immediately');
    this.#backoff.reset();
  }

  /** Does not reset the back-off: if a list is always cut off in the middle, the retries must become less frequent. */
  #handleInitial(event: WatchEvent, listed: Set<string>): void {
    const version = event.object.metadata.resourceVersion ?? '';
    if (event.type === 'DELETED') {
      listed.delete(keyOf(storedMeta(event.object)));
      this.#options.store.delete(storedMeta(event.object));
    } else if (event.type !== 'BOOKMARK') this.#take(event.object, listed);
    else if (isInitialEventsEnd(event)) {
      this.#assertNotOlder(version);
      this.#complete(listed, version);
      this.#enter('Watching');
    }
  }

  #handleChange(event: WatchEvent): void {
    const version = event.object.metadata.resourceVersion ?? '';
    this.#assertNotOlder(version);
    if (event.type === 'DELETED') this.#options.store.delete(storedMeta(event.object));
    else if (event.type !== 'BOOKMARK') this.#take(event.object);
    this.#reach(version);
    this.#options.store.advance(version, this.namespace);
  }

  /** Ends a list: the store now contains what the list of this version contains. */
  #complete(keys: ReadonlySet<string>, version: string): void {
    this.#options.store.retain(keys, version, this.namespace);
    this.#reach(version);
    this.#hasSynced = true;
    this.#synced.resolve();
    this.#settled.resolve();
  }

  #reach(version: string): void {
    this.#version = version;
    this.#reached = version;
    this.#silences = 0;
    this.#reported = undefined;
    this.#backoff.reset();
  }

  /** @throws KubeError `Expired` if the server's versions have gone back, because then only a new list helps */
  #assertNotOlder(version: string): void {
    const reached = this.#reached;
    if (!isNewer(reached, version)) return;
    this.#rewind();
    throw new KubeError(`expected version ${reached} or later, found the older version ${version}`, {
      status: 410,
      reason: 'Expired',
    });
  }

  #rewind(): void {
    const { log, store } = this.#options;
    log.warn(
      { resource: this.description },
      'the API server returned older versions than before: was etcd restored?',
    );
    this.#reached = '0';
    store.rewind(this.namespace);
  }

  /** An error with one object stops only the work on that object. */
  #take(object: KubeObject, listed?: Set<string>): void {
    const { project, unreadable, store, log } = this.#options;
    const key = keyOf(storedMeta(object));
    // The API server sends objects of the requested resource.
    const raw = object as Raw;
    try {
      const item = project(raw);
      if (item === undefined) store.delete(storedMeta(object));
      else store.set(item);
      if (item !== undefined) listed?.add(key);
    } catch (error) {
      listed?.add(key);
      log.error(
        { resource: this.description, key, fault: describeFault(error) },
        'the controller failed to read an object',
      );
      this.#takeUnreadable(raw, error, unreadable);
    }
  }

  #takeUnreadable(raw: Raw, error: unknown, unreadable: ReflectorOptions<Item, Raw>['unreadable']): void {
    const { store, log } = this.#options;
    if (unreadable === undefined) return;
    try {
      store.set(unreadable(raw, error));
    } catch (second) {
      log.error(
        { resource: this.description, fault: describeFault(second) },
        'failed to replace an unreadable object: the store keeps its previous version',
      );
    }
  }

  #enter(state: ReflectorState): void {
    this.#state = state;
    this.#progressAt = performance.now();
  }
}

function randomBetween(least: number, most: number): number {
  return least + Math.floor(Math.random() * (most - least));
}

/** The log message for an error. Includes what to do if a retry alone does not help. */
function adviceFor(error: unknown, { plural, group }: Resource): string {
  if (hasReason(error, 'Forbidden'))
    return 'list and watch are refused, trying again: grant these rights in a Role or ClusterRole';
  if (hasReason(error, 'NotFound'))
    return `the API server does not know this resource, trying again: install the CRD ${plural}.${group}`;
  if (error instanceof KubeError && error.status === 401) {
    return 'the API server does not accept the credential, trying again: renew the token, or sign in again';
  }
  return 'list or watch failed, trying again';
}
