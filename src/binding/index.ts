export { OutOfDate } from './apply.ts';
export { type Binding, type RawBinding, readBinding, type ValidBinding } from './binding.ts';
export { homeOf } from './move.ts';
export { OfferedSecretReader } from './offered-secret-reader.ts';
export type { RawSecret } from './pull-secret.ts';
export { BindingReconciler } from './reconciler.ts';
export { RunReconciler } from './run-reconciler.ts';
export { contenders, scanTypesOf, serversOf } from './serve.ts';
export { readSourceSecret, type SourceSecret } from './source-secret.ts';
export { countByReadiness, credentialEnds, notReady } from './standing.ts';
export {
  createReflectors,
  createStores,
  indexKey,
  readRun,
  repositoryIndex,
  SCANS,
  SCHEDULED_SCANS,
  SECRETS,
  type Stores,
} from './stores.ts';
export { connectTriggers } from './triggers.ts';
export { isTrivySecretName } from './trivy-secret.ts';
export { TrivySecretReconciler } from './trivy-secret-reconciler.ts';
