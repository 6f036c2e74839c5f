export { createDiscovery } from './discovery.ts';
export type { DiscoverySettings } from './settings.ts';
