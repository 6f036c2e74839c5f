export {
  describeAnswer,
  type RegistryAnswer,
  type RequestKind,
  type UnreachableReason,
} from './answer.ts';
export { type KnownAnswer, RegistryChecker } from './checker.ts';
export type { RequestRecord } from './connection.ts';
export { type KnownLogin, type Login, renewalOf } from './logins.ts';
export { lookupPlaces } from './lookups.ts';
export { proxySettings } from './proxy.ts';
export type { Question } from './question.ts';
export { DEFAULT_REGISTRY_SETTINGS, type RegistrySettings } from './settings.ts';
