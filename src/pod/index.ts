export { INCLUSION_MODES, type InclusionMode, includesPod, isEnabled } from './inclusion.ts';
export { Interned } from './interned.ts';
export { type Pod, readPod } from './pod.ts';
export type { RawPod } from './raw-pod.ts';
export type { ContainerUse, PodUse } from './use.ts';
