/** The namespaces that are followed: all, by one watch for each resource, or those of a list, by one for each. */
export type WatchedNamespaces = 'all' | readonly [string, ...string[]];

/** What {@link Selection} says of the namespace, once for each watch that a resource needs. */
export function scopesOf(namespaces: WatchedNamespaces): readonly { readonly namespace?: string }[] {
  return namespaces === 'all' ? [{}] : namespaces.map((namespace) => ({ namespace }));
}
