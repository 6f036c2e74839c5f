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
/** A list asks little of the server, and whoever waits for the store waits for it: shorter than for writes. */
const LONGEST_RETRY_MS = 10_000;
const LONGEST_ASKED_MS = 30_000;
const SHORTEST_QUIET_MS = 5_000;
const SHORTEST_WATCH_SECONDS = 300;
const LONGEST_WATCH_SECONDS = 600;
/** One may be chance; a server whose versions lie before ours is silent for ever. */
const SILENCES_BEFORE_LIST = 2;

export interface ReflectorOptions<Item extends Stored, Raw extends KubeObject> {
  readonly client: KubeClient;
  readonly resource: Resource;
  readonly selection?: Selection;
  /** The projection of an object that the store keeps; undefined: none. */
  readonly project: (object: Raw) => Item | undefined;
  /**
   * The replacement that the store keeps if `project` or an index of the store throws, so that the owner of the object
   * sees a reason. Without it, the store keeps its previous version.
   */
  readonly unreadable?: (object: Raw, error: unknown) => Item;
  readonly store: Pick<Store<Item, string>, 'set' | 'delete' | 'retain' | 'advance' | 'rewind'>;
  readonly log: Logger;
}

/** A reflector, whatever it keeps. */
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

/** What a reflector is doing. `Waiting`: before the next try, after something went wrong. */
type ReflectorState = 'Listing' | 'Watching' | 'Waiting' | 'Stopped';

/**
 * Keeps a store equal to what the API server has: a streaming list that goes on as a watch, or pages and then a watch
 * where the server cannot stream. A watch that ends goes on from its last version; 410 lists anew; everything else is
 * tried again after a growing, jittered time that progress resets. Only projections are kept, each made as its object
 * arrives.
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
  #movedAt = performance.now();
  #heardAt = performance.now();
  /** Where the next watch begins; undefined: list first. */
  #version: string | undefined;
  /** The newest version that list or watch have come to, also before a list that had to be made anew. */
  #reached = '0';
  /** Whether the server can stream a list, as far as we know. */
  #streams = true;
  #silences = 0;
  /** The problem that was told last, once for as long as it lasts. */
  #told: string | undefined;

  constructor(options: ReflectorOptions<Item, Raw>) {
    this.#options = options;
  }

  /** What it reflects, wherever that is: the resource and the selectors. */
  get watch(): string {
    const { resource, selection = {} } = this.#options;
    const selectors = [selection.labelSelector, selection.fieldSelector].filter((text) => text !== undefined);
    return selectors.length === 0 ? resource.plural : `${resource.plural} (${selectors.join(', ')})`;
  }

  /** undefined: all. */
  get namespace(): string | undefined {
    return this.#options.selection?.namespace;
  }

  /** What it reflects, for people: {@link watch}, and the namespace where there is one. */
  get description(): string {
    return this.namespace === undefined ? this.watch : `${this.watch} in ${this.namespace}`;
  }

  get state(): ReflectorState {
    return this.#state;
  }

  /** Milliseconds since an object, an event or a bookmark came, or since it began to list, to watch or to wait. */
  get idleMs(): number {
    return performance.now() - this.#movedAt;
  }

  /**
   * Milliseconds since an object, an event or a bookmark came, or since this was made. One that is refused again and again
   * moves, and hears nothing.
   */
  get silentMs(): number {
    return performance.now() - this.#heardAt;
  }

  /** Whether the store has held a complete list. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves when the store holds a complete list; never after {@link stop}. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Resolves when the store holds a complete list, or the API server has refused it for the first time: 403. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** Begins; may be called once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends list, watch and waiting; the store does not change after this is called. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#move('Stopped');
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

  /** Lists if it must, then watches until the server ends that; what went wrong, if anything. */
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

  /** Kubernetes answers so where the feature gate WatchList is off. */
  #cannotStream(error: unknown): boolean {
    return this.#streams && this.#version === undefined && hasReason(error, 'Invalid', 'BadRequest');
  }

  async #wait(error: unknown): Promise<void> {
    this.#move('Waiting');
    const asked = error instanceof KubeError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const milliseconds = Math.min(asked, LONGEST_ASKED_MS) + this.#backoff.next();
    this.#tell(error, Math.round(milliseconds));
    await sleep(milliseconds, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  #tell(error: unknown, retryInMs: number): void {
    const { log, resource } = this.#options;
    if (hasReason(error, 'Forbidden')) this.#settled.resolve();
    const fields = { resource: this.description, retryInMs };
    const problem = `${adviceFor(error, resource)} ${error}`;
    if (hasReason(error, 'Expired', 'Gone')) log.debug(fields, 'version expired, listing again');
    else if (problem !== this.#told)
      log.warn({ ...fields, reason: String(error) }, adviceFor(error, resource));
    this.#told = problem;
    log.debug({ ...fields, err: error }, 'the error in full');
  }

  async #listPages(): Promise<void> {
    const { client, resource, selection = {} } = this.#options;
    const { signal } = this.#stopping;
    const keys = new Set<string>();
    let page: Page | undefined;
    do {
      this.#move('Listing');
      page = await client.list(resource, selection, page?.next, { signal });
      this.#heardAt = performance.now();
      signal.throwIfAborted();
      if (isNewer(this.#reached, page.resourceVersion)) this.#rewind();
      for (const object of page.items) this.#take(object, keys);
    } while (page.next !== undefined);
    this.#complete(keys, page.resourceVersion);
  }

  /** Follows the changes until the server ends the watch; from a list on, where there is no version to begin with. */
  async #watch(): Promise<void> {
    const { client, resource, selection = {} } = this.#options;
    const start = {
      resourceVersion: this.#version,
      timeoutSeconds: randomBetween(SHORTEST_WATCH_SECONDS, LONGEST_WATCH_SECONDS),
    };
    const listed = this.#version === undefined ? new Set<string>() : undefined;
    this.#move(listed === undefined ? 'Watching' : 'Listing');
    const begun = performance.now();
    let silent = true;
    for await (const event of client.watch(resource, selection, start, this.#stopping.signal)) {
      this.#stopping.signal.throwIfAborted();
      silent = false;
      this.#heardAt = performance.now();
      this.#move(this.#state);
      if (this.#version === undefined) this.#handleInitial(event, listed ?? new Set());
      else this.#handleChange(event);
    }
    if (this.#version === undefined)
      throw new Error('the server ended a streaming list before it was complete');
    if (!silent) return;
    // One that was merely quiet has been cut by something in between; that is no reason to wait.
    if (performance.now() - begun < SHORTEST_QUIET_MS) throw new Error('the server ended a watch at once');
    this.#backoff.reset();
  }

  /** No progress yet: one who is always cut off in the middle of a list must come more and more seldom. */
  #handleInitial(event: WatchEvent, listed: Set<string>): void {
    const version = event.object.metadata.resourceVersion ?? '';
    if (event.type === 'DELETED') {
      listed.delete(keyOf(storedMeta(event.object)));
      this.#options.store.delete(storedMeta(event.object));
    } else if (event.type !== 'BOOKMARK') this.#take(event.object, listed);
    else if (isInitialEventsEnd(event)) {
      this.#refuseBackwards(version);
      this.#complete(listed, version);
      this.#move('Watching');
    }
  }

  #handleChange(event: WatchEvent): void {
    const version = event.object.metadata.resourceVersion ?? '';
    this.#refuseBackwards(version);
    if (event.type === 'DELETED') this.#options.store.delete(storedMeta(event.object));
    else if (event.type !== 'BOOKMARK') this.#take(event.object);
    this.#reach(version);
    this.#options.store.advance(version, this.namespace);
  }

  /** What the store holds is what a list of this version has. */
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
    this.#told = undefined;
    this.#backoff.reset();
  }

  /** @throws KubeError `Expired` where the server's versions have gone back: then only a list helps. */
  #refuseBackwards(version: string): void {
    if (!isNewer(this.#reached, version)) return;
    this.#rewind();
    throw new KubeError(`the API server has gone back to version ${version}`, {
      status: 410,
      reason: 'Expired',
    });
  }

  #rewind(): void {
    const { log, store } = this.#options;
    log.warn({ resource: this.description }, 'the API server has gone back in time: was etcd restored?');
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

  #move(state: ReflectorState): void {
    this.#state = state;
    this.#movedAt = performance.now();
  }
}

function randomBetween(least: number, most: number): number {
  return least + Math.floor(Math.random() * (most - least));
}

/** What happened, and what to do about what does not pass by itself. */
function adviceFor(error: unknown, { plural, group }: Resource): string {
  if (hasReason(error, 'Forbidden'))
    return 'list and watch are refused, trying again: a role must grant them';
  if (hasReason(error, 'NotFound'))
    return `the API server does not know this resource, trying again: install the CRD ${plural}.${group}`;
  if (error instanceof KubeError && error.status === 401) {
    return 'the API server does not accept the credential, trying again: renew the token, or sign in again';
  }
  return 'list or watch failed, trying again';
}
