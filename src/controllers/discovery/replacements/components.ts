const NONE: ReadonlySet<string> = new Set();

type Edges = ReadonlyMap<string, ReadonlySet<string>>;

/** By node: the number of its strongly connected component. Takes linear time. */
export function stronglyConnectedComponents(edges: Edges): ReadonlyMap<string, number> {
  const search = new ComponentSearch(edges);
  for (const node of edges.keys()) search.from(node);
  return search.components;
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
  readonly #edges: Edges;
  /** By node: its position in the order of first visits. */
  readonly #numbers = new Map<string, number>();
  /** By node: the lowest position known to be reachable from it, among nodes without a component. */
  readonly #lowest = new Map<string, number>();
  /** Visited nodes without a component, in the order of first visits. */
  readonly #open: string[] = [];

  constructor(edges: Edges) {
    this.#edges = edges;
  }

  /** Finds the components of all nodes that are reachable from this node. */
  from(root: string): void {
    if (this.#numbers.has(root)) return;
    const path = [this.#enter(root)];
    for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
      const { done, value } = step.rest.next();
      if (done === true) {
        path.pop();
        this.#leave(step.node, path.at(-1)?.node);
      } else if (!this.#numbers.has(value)) path.push(this.#enter(value));
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
