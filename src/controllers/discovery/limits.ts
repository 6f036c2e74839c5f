/** Pull secrets per binding. The CRD accepts no more. */
export const MOST_PULL_SECRETS = 16;
/** Entries of `spec.replaces` per binding. The CRD accepts no more. */
export const MOST_REPLACES = 16;
/** Different containers per namespace. */
export const MOST_CONTAINERS = 20_000;
/** Discovered bindings per namespace. */
export const MOST_BINDINGS = 5_000;
