import { isNewer, keyOf, type Stored } from '../../object/index.ts';

/** What happened to one object: it came (`before` is missing), went (`after` is missing) or changed. */
export interface Change<Item> {
  readonly before: Item | undefined;
  readonly after: Item | undefined;
}

/** Takes what a listener threw. */
export type ListenerErrorHandler = (error: unknown) => void;

type IndexFunction<Item> = (item: Item) => readonly string[];

/** How far the watch of a part of a store has come. */
interface Progress {
  /** All that happened up to here is in the store. */
  version: string;
  /** Keys of items whose version says nothing any more, see {@link Store.rewind}. */
  readonly rewound: Set<string>;
}

/** The part of a store that one watch over all namespaces fills: no namespace has this name. */
const WHOLE = '';

/**
 * Projections of one kind of object by `namespace/name`, with named indices. A version older than the one held is
 * ignored. The store knows up to which version the watch has come, so the answer to a write of our own can be put
 * in before the watch brings it, and never after: then the object may be gone again.
 *
 * It is filled by one watch over all namespaces, or by one for each of several: {@link retain}, {@link rewind} and
 * {@link advance} are told the namespace then, and concern that part alone, for each watch comes as far as it comes.
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
   * @param indices - for each index a function from an item to the values under which it is found
   * @param onListenerError - what a listener throws goes here, and keeps it from no other listener; unless told it is
   *   an unhandled error, which ends the process
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

  /** The items for which the index function of that name gives this value, in no particular order. */
  byIndex(index: Index, value: string): readonly Item[] {
    return [...(this.#byIndex[index].get(value)?.values() ?? [])];
  }

  /** Whether the named index has any item for this value. */
  isIndexed(index: Index, value: string): boolean {
    return this.#byIndex[index].has(value);
  }

  /** Called with each change, one after another, in order, after the store holds it. */
  onChange(listener: (change: Change<Item>) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Takes in a version of an object. A recreated object (another uid) is reported as gone and as new.
   *
   * @throws what an index function throws; the store is then unchanged
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
      this.#tell({ before, after: undefined });
      this.#tell({ before: undefined, after: item });
    } else {
      this.#tell({ before, after: item });
    }
  }

  /** Takes in the answer to a write of ours, unless the watch has come as far by itself. */
  setAnswer(item: Item): void {
    if (isNewer(item.resourceVersion, this.#progressOf(item).version)) this.set(item);
  }

  /** Takes out an object; one that was created anew since, under another uid, stays. */
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
    this.#tell({ before, after: undefined });
  }

  /** Takes out what a complete list of version `resourceVersion` no longer has; newer items stay. */
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
   * Says that the server's versions have gone back, as after a restore of etcd from a backup: what is held stays until
   * the next list replaces it, whatever the versions.
   */
  rewind(namespace?: string): void {
    const part = this.#part(namespace);
    for (const [key] of this.#itemsOf(namespace)) part.rewound.add(key);
    part.version = '0';
  }

  /** Says that all changes up to this version have been put in. */
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

  /** The same text of the key everywhere: one for each index would be half of what a small item takes. */
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
    // `Object.keys` knows no key types.
    return Object.keys(this.#indices) as Index[];
  }

  #tell(change: Change<Item>): void {
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
