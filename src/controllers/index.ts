export {
  BindingReconciler,
  connectTriggers,
  countByReadiness,
  credentialEnds,
  notReady,
  Refused,
} from './binding/index.ts';
export { createDiscovery, type Discovery, type DiscoverySettings } from './discovery/index.ts';
export { RunReconciler } from './run/index.ts';
export { SourceSecretReader } from './source-secret/index.ts';
export { TrivySecretReconciler } from './trivy-secret/index.ts';
