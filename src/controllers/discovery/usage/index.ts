export { type ContainerRepositories, latest } from './container-repositories.ts';
export { groupPods, limitContainers, type PodGroup } from './pod-groups.ts';
export {
  isChangingRepository,
  MOST_SECRETS_COUNTED,
  type RepositoryUse,
  type Usage,
  usageOf,
} from './usage.ts';
