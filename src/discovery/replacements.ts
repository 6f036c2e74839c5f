/** That `to` replaces `from`; both are repositories. */
export type Replacement = readonly [to: string, from: string];

/** In one namespace. */
const MOST_REPLACEMENTS = 100_000;
/**
 * Of replacements, in all searches for circles together. A search only runs among repositories that replace each other
 * in a circle. In usual namespaces these are two, where a rollout is rolled back.
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

  /** What was not added because it would have taken too long to find out whether it closes a circle, or the first of it. */
  get unchecked(): readonly Replacement[] {
    return this.#unchecked;
  }

  /** Adds one after another those that close no circle with what is there. Takes linear time, see {@link unchecked}. */
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

  /** Adds it, also where that closes a circle. */
  insist(to: string, from: string): void {
    const froms = this.#edges.get(to);
    if (froms === undefined) this.#edges.set(to, new Set([from]));
    else froms.add(from);
  }

  /**
   * For each repository a number. Two have the same exactly if each replaces the other, perhaps by way of others: a
   * replacement is a part of a circle if its ends have the same. Takes linear time.
   */
  circles(): ReadonlyMap<string, number> {
    const search = new ComponentSearch(this.#edges);
    for (const to of this.#edges.keys()) search.from(to);
    return search.components;
  }

  /** Whether `from` is `to`, replaces it, or replaces something that does. A way between two of a circle stays in it. */
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

/** Tarjan's algorithm for strongly connected components. Without recursion, because a way may be as long as the graph. */
class ComponentSearch {
  /** By node the number of its component. */
  readonly components = new Map<string, number>();
  readonly #edges: ReadonlyMap<string, ReadonlySet<string>>;
  /** In the order of the first visit. */
  readonly #numbers = new Map<string, number>();
  /** The lowest number that is known to be reached from a node, among those without a component. */
  readonly #lowest = new Map<string, number>();
  /** Nodes without a component, in the order of the first visit. */
  readonly #open: string[] = [];

  constructor(edges: ReadonlyMap<string, ReadonlySet<string>>) {
    this.#edges = edges;
  }

  /** Finds the components of all that is reached from this node. */
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

  /** The node is the first of its component: those that are open since belong to it. */
  #close(node: string, component = 0): void {
    for (let last = this.#open.pop(); last !== undefined; last = this.#open.pop()) {
      this.components.set(last, component);
      if (last === node) return;
    }
  }
}

const NONE: ReadonlySet<string> = new Set();
