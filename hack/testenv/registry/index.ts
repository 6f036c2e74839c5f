export { Registry, startRegistry } from './registry.ts';
