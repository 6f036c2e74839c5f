/** The namespaces whose objects a command reads or changes. */
export type CommandScope =
  | { readonly kind: 'All' }
  /** Each once, at least one. */
  | { readonly kind: 'Namespaces'; readonly names: readonly [string, ...string[]] };

/** The namespaces to list, one at a time. `undefined` means all namespaces in one list. */
export function namespacesOf(scope: CommandScope): readonly (string | undefined)[] {
  return scope.kind === 'All' ? [undefined] : scope.names;
}
