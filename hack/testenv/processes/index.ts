export { childEnvironment } from './environment.ts';
export { type Child, describe, isRunning, ProcessGroup, type SpawnOptions } from './process-group.ts';
export { onFreePort, untilReady } from './readiness.ts';
