export { METRICS } from './definitions.ts';
export { Heartbeat, type Moving, stuck } from './liveness.ts';
export { Metrics } from './metrics.ts';
export { type Health, ProbeServer } from './server.ts';
export { namesOf, statesOf } from './watches.ts';
