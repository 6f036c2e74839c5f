export {
  type AnyReflector,
  Caches,
  type Change,
  type ListenerErrorHandler,
  Reflector,
  Store,
  scopesOf,
  throwUnhandled,
  type WatchedNamespaces,
} from './cache/index.ts';
export { KubeClient, type RequestRecord, Transport } from './client/index.ts';
export { hasReason, KubeConfigError, KubeError } from './errors.ts';
export { type EventContent, EventRecorder } from './events.ts';
export { describeFault } from './fault.ts';
export type { ImpersonatingUser } from './kubeconfig/index.ts';
export {
  LEASES,
  LeaderElection,
  LeaseObservation,
  type LeaseSettings,
  podOfIdentity,
  specOf,
  timingsProblem,
} from './leader-election/index.ts';
export { asOutOfDate, OutOfDate } from './out-of-date.ts';
export { type Outcome, Repetitions, WorkQueue } from './queue/index.ts';
