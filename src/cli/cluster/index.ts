export {
  checkNamespaces,
  emptyNamespaces,
  ifFound,
  type ListFilter,
  listAll,
  withCluster,
} from './access.ts';
export type { ClusterConfig } from './config.ts';
export { isAnonymous } from './purpose.ts';
export type { CommandScope } from './scope.ts';
