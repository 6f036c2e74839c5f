export { parseAddress } from './address.ts';
export { type AdmissionFlags, admissionFlags, admissionProblem, admissionSettings } from './admission.ts';
export { type ClusterFlags, type ContextFlags, clusterFlags, contextFlags } from './cluster.ts';
export {
  type DeliveryFlag,
  type DeliveryFlags,
  deliveryFlag,
  deliveryFlags,
  deliveryProblem,
} from './delivery.ts';
export { type DiscoveryFlags, discoveryFlags, discoveryProblem, discoverySettings } from './discovery.ts';
export { parseDuration } from './duration.ts';
export { type FilenameFlags, filenameFlags } from './filename.ts';
export { loadKubeConfig } from './kubeconfig.ts';
export {
  type LeaseFlags,
  leaseFlags,
  leasePlaceFlags,
  leaseProblem,
  leaseSettings,
  ownNamespace,
} from './lease.ts';
export { parseNamespace, parseObjectName } from './name.ts';
export { namespacesFlag } from './namespaces.ts';
export { type RegistryFlags, registryFlags, registrySettings } from './registries.ts';
export { contextNamespace, type ScopeFlags, scopeFlags, scopeOf } from './scope.ts';
