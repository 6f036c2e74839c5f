export { Metrics } from './metrics.ts';
export { ProbeServer } from './server.ts';
