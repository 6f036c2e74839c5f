export {
  createDiscoveryReflectors,
  createDiscoveryStores,
  type DiscoveryStores,
  PODS,
} from './pod-stores.ts';
export type { Selection, SelectionChange } from './selections.ts';
export {
  createReflectors,
  createStores,
  indexKey,
  isSourceWanted,
  pullSecretIn,
  readRun,
  repositoryIndex,
  SCANS,
  SCHEDULED_SCANS,
  SECRETS,
  type Stores,
  scanKeysOf,
  scansServed,
  scansUnder,
  sourceIn,
} from './stores.ts';
