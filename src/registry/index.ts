export { describeAnswer, type RegistryAnswer } from './answer.ts';
export { type KnownAnswer, RegistryChecker } from './checker.ts';
export { type KnownLogin, type Login, renewalOf } from './logins.ts';
export { lookupPlaces } from './lookups.ts';
export { proxySettings } from './proxy.ts';
export type { Question } from './question.ts';
export { DEFAULT_REGISTRY_SETTINGS, type RegistrySettings } from './settings.ts';
