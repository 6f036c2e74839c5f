import { isNewer, keyOf, type Stored } from './objects.ts';

/** What happened to one object: it came (`before` is missing), went (`after` is missing) or changed. */
export interface Change<Item> {
  readonly before: Item | undefined;
  readonly after: Item | undefined;
}

type IndexFunction<Item> = (item: Item) => readonly string[];

/**
 * Projections of one kind of object by `namespace/name`, with named indices. A version older than the one held
 * is ignored, so the answer to a write of our own may be put in before the watch brings it.
 */
export class Store<Item extends Stored, Index extends string = never> {
  readonly #items = new Map<string, Item>();
  readonly #indices: Readonly<Record<Index, IndexFunction<Item>>>;
  readonly #byIndex: Record<Index, Map<string, Map<string, Item>>>;
  readonly #listeners: ((change: Change<Item>) => void)[] = [];

  constructor(indices: Readonly<Record<Index, IndexFunction<Item>>>) {
    this.#indices = indices;
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

  /** Called with each change, in order, after the store holds it. Listeners must not throw. */
  onChange(listener: (change: Change<Item>) => void): void {
    this.#listeners.push(listener);
  }

  /** Takes in a version of an object. A recreated object (another uid) is reported as gone and as new. */
  set(item: Item): void {
    const key = keyOf(item);
    const before = this.#items.get(key);
    if (before !== undefined && !isNewer(item.resourceVersion, before.resourceVersion)) return;
    this.#unindex(before);
    this.#items.set(key, item);
    this.#index(item);
    if (before !== undefined && before.uid !== item.uid) {
      this.#tell({ before, after: undefined });
      this.#tell({ before: undefined, after: item });
    } else {
      this.#tell({ before, after: item });
    }
  }

  /** Takes out an object, if it is still the one with this uid. */
  delete(object: Pick<Stored, 'namespace' | 'name' | 'uid'>): void {
    const key = keyOf(object);
    const before = this.#items.get(key);
    if (before === undefined || before.uid !== object.uid) return;
    this.#unindex(before);
    this.#items.delete(key);
    this.#tell({ before, after: undefined });
  }

  /** Takes out what a complete list of version `resourceVersion` no longer has; newer items stay. */
  retain(keys: ReadonlySet<string>, resourceVersion: string): void {
    for (const [key, item] of this.#items) {
      if (!keys.has(key) && !isNewer(item.resourceVersion, resourceVersion)) this.delete(item);
    }
  }

  #index(item: Item): void {
    for (const name of this.#indexNames()) {
      for (const value of this.#indices[name](item)) {
        const items = this.#byIndex[name].get(value) ?? new Map<string, Item>();
        this.#byIndex[name].set(value, items.set(keyOf(item), item));
      }
    }
  }

  #unindex(item: Item | undefined): void {
    if (item === undefined) return;
    for (const name of this.#indexNames()) {
      for (const value of this.#indices[name](item)) {
        const items = this.#byIndex[name].get(value);
        items?.delete(keyOf(item));
        if (items?.size === 0) this.#byIndex[name].delete(value);
      }
    }
  }

  #indexNames(): readonly Index[] {
    // `Object.keys` knows no key types.
    return Object.keys(this.#indices) as Index[];
  }

  #tell(change: Change<Item>): void {
    for (const listener of this.#listeners) listener(change);
  }
}
