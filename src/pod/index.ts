export { INCLUSION_MODES, type InclusionMode, includesPod, isEnabled } from './inclusion.ts';
export { Interned } from './interned.ts';
export { type ContainerUse, type Pod, type PodUse, type RawPod, readPod } from './pod.ts';
