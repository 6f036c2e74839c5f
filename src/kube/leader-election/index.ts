export { LeaderElection } from './leader-election.ts';
export { LEASES, LeaseObservation, type LeaseSettings, specOf, timingsProblem } from './lease.ts';
