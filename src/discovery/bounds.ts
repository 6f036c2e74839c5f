/** Of one binding. The CRD takes no more. */
export const MOST_PULL_SECRETS = 16;
/** Different ones in one namespace. */
export const MOST_CONTAINERS = 20_000;
/** Discovered ones in one namespace. */
export const MOST_BINDINGS = 5_000;
