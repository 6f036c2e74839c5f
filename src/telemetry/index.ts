export { METRICS } from './definitions.ts';
export { Metrics } from './metrics.ts';
export { type Health, ProbeServer } from './server.ts';
export { namesOfWatches, statesOf } from './watches.ts';
