export { LeaderElection } from './leader-election.ts';
export {
  LEASES,
  LeaseObservation,
  type LeaseSettings,
  podOfIdentity,
  specOf,
  timingsProblem,
} from './lease.ts';
