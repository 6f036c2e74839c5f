/** Whose objects a command is about. */
export type Scope =
  | { readonly kind: 'All' }
  /** Each once, at least one. */
  | { readonly kind: 'Namespaces'; readonly names: readonly [string, ...string[]] };

/** What to ask the API server for, one list each; `undefined` is all namespaces. */
export function namespacesOf(scope: Scope): readonly (string | undefined)[] {
  return scope.kind === 'All' ? [undefined] : scope.names;
}
