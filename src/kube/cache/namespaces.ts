/** The watched namespaces: all, with one watch per resource, or a list, with one watch per resource and namespace. */
export type WatchedNamespaces = 'all' | readonly [string, ...string[]];

/** The `namespace` of {@link Selection} for each watch that a resource needs. */
export function scopesOf(namespaces: WatchedNamespaces): readonly { readonly namespace?: string }[] {
  return namespaces === 'all' ? [{}] : namespaces.map((namespace) => ({ namespace }));
}
