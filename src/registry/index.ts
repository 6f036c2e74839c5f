export { immediateAnswer, RegistryChecker } from './checker.ts';
export { lookupPlaces, proxySettings } from './http/index.ts';
export { DEFAULT_REGISTRY_SETTINGS, type RegistrySettings } from './settings.ts';
