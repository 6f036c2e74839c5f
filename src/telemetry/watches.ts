/** What a reflector shows of itself. */
export interface Watch {
  /** The resource and the selectors. */
  readonly watch: string;
  /** undefined: all. */
  readonly namespace: string | undefined;
  readonly state: string;
  /** Milliseconds since it last heard of the API server. */
  readonly silentMs: number;
}

const MOST_NAMED = 10;

/** Which watches these are, for people: each resource with its selectors once, and its namespaces. */
export function namesOfWatches(watches: readonly Watch[]): readonly string[] {
  const groups = Map.groupBy(watches, ({ watch }) => watch);
  return [...groups].map(([watch, group]) => `${watch}${placesOf(group)}`);
}

/** What these watches do, a line for each resource and state. */
export function statesOf(watches: readonly Watch[]): readonly string[] {
  const groups = Map.groupBy(watches, ({ watch, state }) => `${watch} ${state}`);
  return [...groups.values()].flatMap((group) => {
    const { state = '' } = group[0] ?? {};
    const seconds = Math.round(Math.max(...group.map(({ silentMs }) => silentMs)) / 1000);
    return namesOfWatches(group).map((name) => `${name}: ${state}, heard of ${seconds} s ago`);
  });
}

function placesOf(group: readonly Watch[]): string {
  const places = group.flatMap(({ namespace }) => (namespace === undefined ? [] : [namespace]));
  if (places.length === 0) return '';
  const more = places.length - MOST_NAMED;
  return ` in ${places.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
