export { Refused } from './apply.ts';
export { type Binding, MOST_USERS, type RawBinding, readBinding, type ValidBinding } from './binding.ts';
export { homeOf } from './move.ts';
export { OutOfDate } from './out-of-date.ts';
export type { RawSecret } from './pull-secret.ts';
export { BindingReconciler } from './reconciler.ts';
export { rivalsAmong } from './rivals.ts';
export { RunReconciler } from './run-reconciler.ts';
export { contenders, scanTypesOf, serversOf } from './serve.ts';
export { readSourceSecret, type SourceSecret } from './source-secret.ts';
export { SourceSecretReader } from './source-secret-reader.ts';
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
