import { isNewer, keyOf, type Stored } from '../../object/index.ts';

/** A change of one object: added (`before` is undefined), removed (`after` is undefined) or changed. */
export interface Change<Item> {
  readonly before: Item | undefined;
  readonly after: Item | undefined;
}

/** Called with an error that a listener threw. */
export type ListenerErrorHandler = (error: unknown) => void;

type IndexFunction<Item> = (item: Item) => readonly string[];

/** The progress of the watch that fills a part of a store. */
interface Progress {
  /** The store contains all changes up to this version. */
  version: string;
  /** Keys of items whose version can no longer be compared, see {@link Store.rewind}. */
  readonly rewound: Set<string>;
}

/** The part of a store that a watch over all namespaces fills. No namespace has this name. */
const WHOLE = '';

/**
 * Projections of one kind of object by `namespace/name`, with named indices. The store ignores a version that is older than
 * the one it holds. It knows the version that the watch has reached. So the response to the controller's own write can be
 * stored before the watch delivers it, and never after, because the object may have been deleted by then.
 *
 * One watch over all namespaces fills the store, or one watch per namespace. In the second case, {@link retain},
 * {@link rewind} and {@link advance} get the namespace and affect only its part, because each watch progresses independently.
 */
export class Store<Item extends Stored, Index extends string = never> {
  readonly #items = new Map<string, Item>();
  readonly #indices: Readonly<Record<Index, IndexFunction<Item>>>;
  readonly #byIndex: Record<Index, Map<string, Map<string, Item>>>;
  readonly #listeners: ((change: Change<Item>) => void)[] = [];
  readonly #onListenerError: ListenerErrorHandler;
  /** By namespace. */
  readonly #progress = new Map<string, Progress>();

  /**
   * @param indices - for each index, a function from an item to the values under which it is found
   * @param onListenerError - called with an error that a listener throws; the other listeners are still called. By
   *   default, the error is unhandled and ends the process.
   */
  constructor(
    indices: Readonly<Record<Index, IndexFunction<Item>>>,
    onListenerError: ListenerErrorHandler = throwUnhandled,
  ) {
    this.#indices = indices;
    this.#onListenerError = onListenerError;
    const maps = Object.keys(indices).map((name) => [name, new Map()]);
    // The names are the keys of `indices`.
    this.#byIndex = Object.fromEntries(maps) as Record<Index, Map<string, Map<string, Item>>>;
  }

  get size(): number {
    return this.#items.size;
  }

  get(key: string): Item | undefined {
    return this.#items.get(key);
  }

  values(): IterableIterator<Item> {
    return this.#items.values();
  }

  /** The items for which the index function of that name returns this value, in no particular order. */
  byIndex(index: Index, value: string): readonly Item[] {
    return [...(this.#byIndex[index].get(value)?.values() ?? [])];
  }

  /** Whether the named index has any item for this value. */
  isIndexed(index: Index, value: string): boolean {
    return this.#byIndex[index].has(value);
  }

  /** Calls the listener with each change, in order, after the store contains it. */
  onChange(listener: (change: Change<Item>) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Stores a version of an object. A recreated object (another uid) is reported as removed and then as added.
   *
   * @throws the error of an index function; the store is then unchanged
   */
  set(item: Item): void {
    const key = keyOf(item);
    const before = this.#items.get(key);
    if (before !== undefined && !this.#isOutdated(before, item.resourceVersion)) return;
    const values = this.#indexNames().map((name) => [name, this.#indices[name](item)] as const);
    this.#progressOf(item).rewound.delete(key);
    this.#unindex(key, before);
    this.#items.set(key, item);
    this.#index(key, item, values);
    if (before !== undefined && before.uid !== item.uid) {
      this.#notify({ before, after: undefined });
      this.#notify({ before: undefined, after: item });
    } else {
      this.#notify({ before, after: item });
    }
  }

  /** Stores the response to the controller's own write, unless the watch has already reached its version. */
  setResponse(item: Item): void {
    if (isNewer(item.resourceVersion, this.#progressOf(item).version)) this.set(item);
  }

  /** Removes an object. An object that was recreated since, with another uid, is kept. */
  delete(object: Stored): void {
    const key = keyOf(object);
    const before = this.#items.get(key);
    if (before === undefined) return;
    if (before.uid !== object.uid && isNewer(before.resourceVersion, object.resourceVersion)) return;
    this.#remove(before);
  }

  #remove(before: Item): void {
    const key = keyOf(before);
    this.#unindex(key, before);
    this.#items.delete(key);
    this.#progressOf(before).rewound.delete(key);
    this.#notify({ before, after: undefined });
  }

  /** Removes the items that a complete list of version `resourceVersion` does not contain. Newer items are kept. */
  retain(keys: ReadonlySet<string>, resourceVersion: string, namespace?: string): void {
    const { rewound } = this.#part(namespace);
    for (const [key, item] of this.#itemsOf(namespace)) {
      const newer = !rewound.has(key) && isNewer(item.resourceVersion, resourceVersion);
      if (!keys.has(key) && !newer) this.#remove(item);
    }
    rewound.clear();
    this.advance(resourceVersion, namespace);
  }

  /**
   * Call this when the server's versions have gone back, for example after etcd was restored from a backup. The store keeps
   * the items until the next list replaces them, regardless of versions.
   */
  rewind(namespace?: string): void {
    const part = this.#part(namespace);
    for (const [key] of this.#itemsOf(namespace)) part.rewound.add(key);
    part.version = '0';
  }

  /** Call this when the store contains all changes up to this version. */
  advance(resourceVersion: string, namespace?: string): void {
    const part = this.#part(namespace);
    if (isNewer(resourceVersion, part.version)) part.version = resourceVersion;
  }

  #part(namespace = WHOLE): Progress {
    const known = this.#progress.get(namespace);
    if (known !== undefined) return known;
    const part = { version: '0', rewound: new Set<string>() };
    this.#progress.set(namespace, part);
    return part;
  }

  #progressOf({ namespace }: Stored): Progress {
    return this.#progress.get(namespace) ?? this.#part();
  }

  *#itemsOf(namespace: string | undefined): Generator<readonly [key: string, item: Item]> {
    for (const entry of this.#items)
      if (namespace === undefined || entry[1].namespace === namespace) yield entry;
  }

  #isOutdated(held: Item, version: string): boolean {
    return this.#progressOf(held).rewound.has(keyOf(held)) || isNewer(version, held.resourceVersion);
  }

  /** All indices share one string per key. Separate strings would add half of the memory that a small item needs. */
  #index(
    key: string,
    item: Item,
    found: readonly (readonly [name: Index, values: readonly string[]])[],
  ): void {
    for (const [name, values] of found) {
      for (const value of values) {
        const items = this.#byIndex[name].get(value) ?? new Map<string, Item>();
        this.#byIndex[name].set(value, items.set(key, item));
      }
    }
  }

  #unindex(key: string, item: Item | undefined): void {
    if (item === undefined) return;
    for (const name of this.#indexNames()) {
      for (const value of this.#indices[name](item)) {
        const items = this.#byIndex[name].get(value);
        items?.delete(key);
        if (items?.size === 0) this.#byIndex[name].delete(value);
      }
    }
  }

  #indexNames(): readonly Index[] {
    // `Object.keys` loses the types of the keys.
    return Object.keys(this.#indices) as Index[];
  }

  #notify(change: Change<Item>): void {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }
}

/** Ends the process, because an unhandled error is fatal. */
export function throwUnhandled(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
