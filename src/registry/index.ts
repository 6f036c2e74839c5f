export { describeAnswer, type RegistryAnswer } from './answer.ts';
export type { Question } from './check.ts';
export { type KnownAnswer, RegistryChecker } from './checker.ts';
export { lookupPlaces, proxySettings } from './http/index.ts';
export { type KnownLogin, type Login, renewalOf } from './login/index.ts';
export { DEFAULT_REGISTRY_SETTINGS, type RegistrySettings } from './settings.ts';
