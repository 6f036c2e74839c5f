/** The state of a reflector. */
export interface Watch {
  /** The resource and the selectors. */
  readonly watch: string;
  /** undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly state: string;
  /** Milliseconds since the reflector last received anything from the API server. */
  readonly silentMs: number;
}

const MOST_NAMED = 10;

/** Names watches for people: each resource with its selectors once, followed by its namespaces. */
export function namesOfWatches(watches: readonly Watch[]): readonly string[] {
  const groups = Map.groupBy(watches, ({ watch }) => watch);
  return [...groups].map(([watch, group]) => `${watch}${namespacesOf(group)}`);
}

/** Describes what watches are doing: one line per resource and state. */
export function statesOf(watches: readonly Watch[]): readonly string[] {
  const groups = Map.groupBy(watches, ({ watch, state }) => `${watch} ${state}`);
  return [...groups.values()].flatMap((group) => {
    const { state = '' } = group[0] ?? {};
    const seconds = Math.round(Math.max(...group.map(({ silentMs }) => silentMs)) / 1000);
    return namesOfWatches(group).map((name) => `${name}: ${state}, last response ${seconds} s ago`);
  });
}

function namespacesOf(group: readonly Watch[]): string {
  const namespaces = group.flatMap(({ namespace }) => (namespace === undefined ? [] : [namespace]));
  if (namespaces.length === 0) return '';
  const more = namespaces.length - MOST_NAMED;
  return ` in ${namespaces.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
