import { stronglyConnectedComponents } from './components.ts';

/** The repository `to` replaces the repository `from`. */
export type Replacement = readonly [to: string, from: string];

/** Limit on replacements per namespace. */
const MOST_REPLACEMENTS = 100_000;
/**
 * Limit on replacements visited in all searches for cycles together. A search runs only among repositories that replace
 * each other in a cycle. Usually these are two, after a rollback.
 */
const MOST_VISITS = 100_000;

/** Which repository replaces which. */
export class ReplacementGraph {
  readonly #edges = new Map<string, Set<string>>();
  readonly #omitted: Replacement[] = [];
  #visitsLeft = MOST_VISITS;

  /** What `to` replaces, in alphabetical order. */
  of(to: string): readonly string[] {
    return [...(this.#edges.get(to) ?? [])].sort();
  }

  /**
   * Replacements that were omitted because checking them for cycles would take too long. May hold only the first ones.
   */
  get omitted(): readonly Replacement[] {
    return this.#omitted;
  }

  /** Adds a replacement even if it closes a cycle. */
  add(to: string, from: string): void {
    const froms = this.#edges.get(to);
    if (froms === undefined) this.#edges.set(to, new Set([from]));
    else froms.add(from);
  }

  /**
   * Adds replacements one after another, except those that would close a cycle. Takes linear time, see {@link omitted}.
   */
  addAcyclic(replacements: Iterable<Replacement>): void {
    const some = Iterator.from(replacements)
      .take(MOST_REPLACEMENTS + 1)
      .toArray();
    const beyond = some.splice(MOST_REPLACEMENTS);
    const components = this.#with(some).components();
    for (const [to, from] of some) {
      const closes = components.get(to) === components.get(from) && this.#reaches(from, to, components);
      if (closes === 'Unknown') this.#omitted.push([to, from]);
      else if (!closes) this.add(to, from);
    }
    this.#omitted.push(...beyond);
  }

  /**
   * Assigns a number to each repository. Two repositories have the same number if and only if each replaces the
   * other, directly or through others. So a replacement is part of a cycle if both its ends have the same number. Takes
   * linear time.
   */
  components(): ReadonlyMap<string, number> {
    return stronglyConnectedComponents(this.#edges);
  }

  #with(more: readonly Replacement[]): ReplacementGraph {
    const all = new ReplacementGraph();
    for (const [to, froms] of this.#edges) all.#edges.set(to, new Set(froms));
    for (const [to, from] of more) all.add(to, from);
    return all;
  }

  /**
   * Whether `from` is `to`, or replaces it directly or through others. Any path between two repositories of a component
   * stays within the component.
   */
  #reaches(from: string, to: string, components: ReadonlyMap<string, number>): boolean | 'Unknown' {
    const component = components.get(to);
    const seen = new Set([from]);
    for (const next of seen) {
      if (next === to) return true;
      const froms = [...(this.#edges.get(next) ?? [])];
      this.#visitsLeft -= froms.length;
      if (this.#visitsLeft < 0) return 'Unknown';
      for (const each of froms.filter((replaced) => components.get(replaced) === component)) seen.add(each);
    }
    return false;
  }
}
