export type { Check } from './check.ts';
export { type KnownLogin, type Login, type LoginAnswer, renewalOf } from './login-answer.ts';
export {
  adviceOn,
  describeAnswer,
  isLocal,
  isShared,
  type KnownAnswer,
  type RegistryAnswer,
  type RequestKind,
  type UnreachableReason,
} from './registry-answer.ts';
