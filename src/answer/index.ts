export { type KnownLogin, type Login, type LoginAnswer, renewalOf } from './login-answer.ts';
export type { Question } from './question.ts';
export {
  describeAnswer,
  isLocal,
  isShared,
  type KnownAnswer,
  type RegistryAnswer,
  type RequestKind,
  type UnreachableReason,
} from './registry-answer.ts';
