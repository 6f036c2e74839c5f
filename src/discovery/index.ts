export { createDiscovery, type Discovery } from './discovery.ts';
export { INCLUSION_MODES, type InclusionMode } from './inclusion.ts';
export type { DiscoverySettings } from './observe.ts';
