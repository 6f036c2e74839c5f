/**
 * A map with a bounded number of entries, shared by groups such as namespaces. When it is full, the group with the most
 * entries loses its least recently used one. So a group cannot evict the entries of a group that has fewer.
 */
export class Recent<Value> {
  readonly #capacity: number;
  readonly #groupOf = new Map<string, string>();
  /** By group. The entries of a group are ordered by last use, the oldest first. */
  readonly #groups = new Map<string, Map<string, Value>>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: string): Value | undefined {
    const entries = this.#groups.get(this.#groupOf.get(key) ?? '');
    const value = entries?.get(key);
    if (entries === undefined || value === undefined) return undefined;
    entries.delete(key);
    entries.set(key, value);
    return value;
  }

  /** @param group - the group that the entry counts against; every group may read it */
  set(key: string, value: Value, group: string): void {
    this.delete(key);
    const entries = this.#groups.get(group) ?? new Map<string, Value>();
    entries.set(key, value);
    this.#groups.set(group, entries);
    this.#groupOf.set(key, group);
    if (this.#groupOf.size > this.#capacity) this.#dropOldest();
  }

  delete(key: string): void {
    const group = this.#groupOf.get(key);
    if (group === undefined) return;
    this.#groupOf.delete(key);
    const entries = this.#groups.get(group);
    entries?.delete(key);
    if (entries?.size === 0) this.#groups.delete(group);
  }

  #dropOldest(): void {
    let [largest] = this.#groups.values();
    for (const entries of this.#groups.values()) {
      if (entries.size > (largest?.size ?? 0)) largest = entries;
    }
    const [oldest] = largest?.keys() ?? [];
    if (oldest !== undefined) this.delete(oldest);
  }
}
