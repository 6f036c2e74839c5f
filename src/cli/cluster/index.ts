export { checkNamespaces, emptyNamespaces, listAll, unlessUnknown, withCluster } from './access.ts';
export type { Scope } from './scope.ts';
