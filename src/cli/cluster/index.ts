export {
  checkNamespaces,
  emptyNamespaces,
  type ListFilter,
  listAll,
  unlessUnknown,
  withCluster,
} from './access.ts';
export type { CommandScope } from './scope.ts';
