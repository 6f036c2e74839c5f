/** Limit on the pull secrets of a binding. The CRD accepts no more. */
export const MOST_PULL_SECRETS = 16;
/** Limit on the entries of `spec.replaces`. The CRD accepts no more. */
export const MOST_REPLACES = 16;
/** Limit on the different containers of a namespace. */
export const MOST_CONTAINERS = 20_000;
/** Limit on the discovered bindings of a namespace. */
export const MOST_BINDINGS = 5_000;
