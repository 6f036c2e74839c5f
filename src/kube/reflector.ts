import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Backoff } from './backoff.ts';
import type { KubeClient, Page, Selection, WatchEvent } from './client.ts';
import { hasReason } from './errors.ts';
import { type KubeObject, keyOf, type Resource, type Stored, storedMeta } from './objects.ts';
import type { Store } from './store.ts';

const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 30_000;
/** Where the CRD may be installed at any time. */
const LONGEST_WAIT_FOR_RESOURCE_MS = 10_000;
const SHORTEST_QUIET_MS = 5_000;
const SHORTEST_WATCH_SECONDS = 300;
const LONGEST_WATCH_SECONDS = 600;

export interface ReflectorOptions<Item extends Stored, Raw extends KubeObject> {
  readonly client: KubeClient;
  readonly resource: Resource;
  readonly selection?: Selection;
  /** What the store keeps of an object; undefined: nothing. It must not throw. */
  readonly project: (object: Raw) => Item | undefined;
  readonly store: Pick<Store<Item, string>, 'set' | 'delete' | 'retain' | 'advance'>;
  readonly log: Logger;
}

/**
 * Keeps a store equal to what the API server has: lists in pages, then watches with bookmarks. A watch that ends
 * goes on from its last version; 410 lists anew; everything else is tried again after a growing, jittered time
 * that progress resets. Only projections are kept, page by page.
 */
export class Reflector<Item extends Stored, Raw extends KubeObject = KubeObject> {
  readonly #options: ReflectorOptions<Item, Raw>;
  readonly #stopping = new AbortController();
  readonly #backoff = new Backoff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
  readonly #synced = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  #hasSynced = false;
  /** Where the next watch begins; undefined: list first. */
  #version: string | undefined;

  constructor(options: ReflectorOptions<Item, Raw>) {
    this.#options = options;
  }

  /** What it reflects, for people: the resource and the selectors. */
  get description(): string {
    const { resource, selection = {} } = this.#options;
    const selectors = [selection.labelSelector, selection.fieldSelector].filter((text) => text !== undefined);
    return selectors.length === 0 ? resource.plural : `${resource.plural} (${selectors.join(', ')})`;
  }

  /** Whether the store has held a complete list. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves when the store holds a complete list; never after {@link stop}. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Begins; may be called once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends list, watch and waiting; the store does not change after this resolves. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const error = await this.#follow();
      if (this.#stopping.signal.aborted) return;
      if (hasReason(error, 'Expired', 'Gone')) this.#version = undefined;
      if (error !== undefined) await this.#wait(error);
    }
  }

  /** Lists if it must, then watches until the server ends that; what went wrong, if anything. */
  async #follow(): Promise<unknown> {
    try {
      if (this.#version === undefined) await this.#list();
      await this.#watch();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  async #wait(error: unknown): Promise<void> {
    const absent = hasReason(error, 'NotFound');
    const milliseconds = Math.min(
      this.#backoff.next(),
      absent ? LONGEST_WAIT_FOR_RESOURCE_MS : Number.POSITIVE_INFINITY,
    );
    const { log } = this.#options;
    const fields = { resource: this.description, retryInMs: Math.round(milliseconds) };
    if (hasReason(error, 'Expired', 'Gone')) log.debug(fields, 'version expired, listing again');
    else if (absent) log.warn(fields, 'the API server does not know this resource: install its CRD');
    else log.warn({ ...fields, reason: String(error) }, 'list or watch failed, trying again');
    log.debug({ ...fields, err: error }, 'the error in full');
    await sleep(milliseconds, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  async #list(): Promise<void> {
    const { client, resource, selection = {}, store } = this.#options;
    const keys = new Set<string>();
    let page: Page | undefined;
    do {
      page = await client.list(resource, selection, page?.next, this.#stopping.signal);
      for (const object of page.items) {
        if (this.#take(object)) keys.add(keyOf(storedMeta(object)));
      }
    } while (page.next !== undefined);
    store.retain(keys, page.resourceVersion);
    this.#version = page.resourceVersion;
    this.#hasSynced = true;
    this.#synced.resolve();
  }

  /** Follows the changes until the server ends the watch. */
  async #watch(): Promise<void> {
    const { client, resource, selection = {} } = this.#options;
    const from = {
      resourceVersion: this.#version ?? '',
      timeoutSeconds: randomBetween(SHORTEST_WATCH_SECONDS, LONGEST_WATCH_SECONDS),
    };
    const begun = performance.now();
    let silent = true;
    for await (const event of client.watch(resource, selection, from, this.#stopping.signal)) {
      silent = false;
      this.#handle(event);
      this.#advance(event.object.metadata.resourceVersion);
      this.#backoff.reset();
    }
    if (!silent) return;
    // One that was merely quiet has been cut by something in between; that is no reason to wait.
    if (performance.now() - begun < SHORTEST_QUIET_MS) throw new Error('the server ended a watch at once');
    this.#backoff.reset();
  }

  #handle(event: WatchEvent): void {
    if (event.type === 'BOOKMARK') return;
    if (event.type === 'DELETED') this.#options.store.delete(storedMeta(event.object));
    else this.#take(event.object);
  }

  #advance(version: string | undefined): void {
    this.#version = version;
    if (version !== undefined) this.#options.store.advance(version);
  }

  /** Whether the store keeps something of the object. */
  #take(object: KubeObject): boolean {
    // The API server sends objects of the resource that was asked for.
    const item = this.#options.project(object as Raw);
    if (item === undefined) this.#options.store.delete(storedMeta(object));
    else this.#options.store.set(item);
    return item !== undefined;
  }
}

function randomBetween(least: number, most: number): number {
  return least + Math.floor(Math.random() * (most - least));
}
