export { createDiscovery, type Discovery } from './discovery.ts';
export type { DiscoverySettings } from './settings.ts';
