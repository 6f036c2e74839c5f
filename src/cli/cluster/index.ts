export { checkNamespaces, emptyNamespaces, listAll, unlessUnknown, withCluster } from './access.ts';
export { InputError } from './errors.ts';
export type { Scope } from './scope.ts';
