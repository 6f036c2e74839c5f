/** The repository `to` replaces the repository `from`. */
export type Replacement = readonly [to: string, from: string];

/** Limit on replacements per namespace. */
const MOST_REPLACEMENTS = 100_000;
/**
 * Limit on replacements visited in all searches for circles together. A search runs only among repositories that
 * replace each other in a circle. Usually these are two, after a rollback.
 */
const MOST_VISITS = 100_000;

/** Which repository replaces which. */
export class Replacements {
  readonly #edges = new Map<string, Set<string>>();
  readonly #unchecked: Replacement[] = [];
  #visitsLeft = MOST_VISITS;

  /** What `to` replaces, in alphabetical order. */
  of(to: string): readonly string[] {
    return [...(this.#edges.get(to) ?? [])].sort();
  }

  /**
   * Replacements that were left out because checking them for circles would take too long; may hold only the first
   * ones.
   */
  get unchecked(): readonly Replacement[] {
    return this.#unchecked;
  }

  /**
   * Adds replacements one after another, except those that would close a circle. Takes linear time, see
   * {@link unchecked}.
   */
  add(replacements: Iterable<Replacement>): void {
    const some = Iterator.from(replacements)
      .take(MOST_REPLACEMENTS + 1)
      .toArray();
    const beyond = some.splice(MOST_REPLACEMENTS);
    const circles = this.#with(some).circles();
    for (const [to, from] of some) {
      const closes = circles.get(to) === circles.get(from) && this.#reaches(from, to, circles);
      if (closes === 'Unknown') this.#unchecked.push([to, from]);
      else if (!closes) this.insist(to, from);
    }
    this.#unchecked.push(...beyond);
  }

  #with(more: readonly Replacement[]): Replacements {
    const all = new Replacements();
    for (const [to, froms] of this.#edges) all.#edges.set(to, new Set(froms));
    for (const [to, from] of more) all.insist(to, from);
    return all;
  }

  /** Adds a replacement even if it closes a circle. */
  insist(to: string, from: string): void {
    const froms = this.#edges.get(to);
    if (froms === undefined) this.#edges.set(to, new Set([from]));
    else froms.add(from);
  }

  /**
   * Assigns a number to each repository. Two repositories have the same number exactly if each replaces the other,
   * directly or through others. So a replacement is part of a circle if both its ends have the same number. Takes
   * linear time.
   */
  circles(): ReadonlyMap<string, number> {
    const search = new ComponentSearch(this.#edges);
    for (const to of this.#edges.keys()) search.from(to);
    return search.components;
  }

  /**
   * Whether `from` is `to`, or replaces it directly or through others. Any path between two repositories of a circle
   * stays within the circle.
   */
  #reaches(from: string, to: string, circles: ReadonlyMap<string, number>): boolean | 'Unknown' {
    const circle = circles.get(to);
    const seen = new Set([from]);
    for (const next of seen) {
      if (next === to) return true;
      const froms = [...(this.#edges.get(next) ?? [])];
      this.#visitsLeft -= froms.length;
      if (this.#visitsLeft < 0) return 'Unknown';
      for (const each of froms.filter((earlier) => circles.get(earlier) === circle)) seen.add(each);
    }
    return false;
  }
}

interface Step {
  readonly node: string;
  readonly rest: Iterator<string>;
}

/**
 * Tarjan's algorithm for strongly connected components. Without recursion, because a path may be as long as the graph.
 */
class ComponentSearch {
  /** By node: the number of its component. */
  readonly components = new Map<string, number>();
  readonly #edges: ReadonlyMap<string, ReadonlySet<string>>;
  /** By node: its position in the order of first visits. */
  readonly #numbers = new Map<string, number>();
  /** By node: the lowest position known to be reachable from it, among nodes without a component. */
  readonly #lowest = new Map<string, number>();
  /** Visited nodes without a component, in the order of first visits. */
  readonly #open: string[] = [];

  constructor(edges: ReadonlyMap<string, ReadonlySet<string>>) {
    this.#edges = edges;
  }

  /** Finds the components of all nodes that are reachable from this node. */
  from(root: string): void {
    if (this.#numbers.has(root)) return;
    const way = [this.#enter(root)];
    for (let step = way.at(-1); step !== undefined; step = way.at(-1)) {
      const { done, value } = step.rest.next();
      if (done === true) {
        way.pop();
        this.#leave(step.node, way.at(-1)?.node);
      } else if (!this.#numbers.has(value)) way.push(this.#enter(value));
      else if (!this.components.has(value)) this.#lower(step.node, this.#numbers.get(value));
    }
  }

  #enter(node: string): Step {
    const number = this.#numbers.size;
    this.#numbers.set(node, number);
    this.#lowest.set(node, number);
    this.#open.push(node);
    return { node, rest: (this.#edges.get(node) ?? NONE).values() };
  }

  #leave(node: string, before: string | undefined): void {
    const lowest = this.#lowest.get(node);
    if (before !== undefined) this.#lower(before, lowest);
    if (lowest === this.#numbers.get(node)) this.#close(node, lowest);
  }

  #lower(node: string, number = Number.POSITIVE_INFINITY): void {
    this.#lowest.set(node, Math.min(number, this.#lowest.get(node) ?? number));
  }

  /** The node is the first of its component. All nodes opened since then belong to the component. */
  #close(node: string, component = 0): void {
    for (let last = this.#open.pop(); last !== undefined; last = this.#open.pop()) {
      this.components.set(last, component);
      if (last === node) return;
    }
  }
}

const NONE: ReadonlySet<string> = new Set();
