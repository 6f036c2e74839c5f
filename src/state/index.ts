export {
  createDiscoveryReflectors,
  createDiscoveryStores,
  type DiscoveryStores,
  PODS,
} from './pod-stores.ts';
export { createReflectors } from './reflectors.ts';
export type { Selection, SelectionChange } from './selections.ts';
export { isSourceWanted, pullSecretIn, sourceIn } from './source-secrets.ts';
export {
  createStores,
  indexKey,
  isUndecided,
  repositoryIndex,
  type Stores,
  scanKeysOf,
  scansFitting,
  scansMentioning,
  scansUnder,
  unboundScansOf,
} from './stores.ts';
export type { TemporaryWrites } from './temporary-refusals.ts';
