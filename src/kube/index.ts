export { Caches } from './caches.ts';
export { KubeClient, type RequestRecord } from './client.ts';
export { hasReason, KubeError } from './errors.ts';
export { EventRecorder, type Occurrence } from './events.ts';
export { describeFault } from './fault.ts';
export { LeaderElection } from './leader-election.ts';
export { LEASES, LeaseObservation, type LeaseSettings, specOf, timingsProblem } from './lease.ts';
export { scopesOf, type WatchedNamespaces } from './namespaces.ts';
export {
  apiVersionOf,
  isNewer,
  type KubeObject,
  keyOf,
  namespaceOf,
  type ObjectMeta,
  type Resource,
  type Stored,
  splitKey,
  storedMeta,
} from './objects.ts';
export { type Outcome, WorkQueue } from './queue.ts';
export { type AnyReflector, Reflector } from './reflector.ts';
export { type Change, type ListenerErrorHandler, Store, throwUnhandled } from './store.ts';
export { Transport } from './transport.ts';
