import type { RegistryAnswer, RequestKind, UnreachableReason } from '../../answer/index.ts';

/** The result of a check after an unexpected error. */
export const INTERNAL_ERROR = {
  result: 'Unreachable',
  why: 'InternalError',
  at: 'ping',
} as const satisfies RegistryAnswer;

/** Thrown where a question has its answer before the end. The one error inside of this folder; it never leaves it. */
export class Settled extends Error {
  override readonly name = 'Settled';
  readonly answer: RegistryAnswer;

  constructor(answer: RegistryAnswer) {
    super(answer.result);
    this.answer = answer;
  }
}

/** For want of an answer. `httpCode` where one came, but none to build on. */
export function unreachable(why: UnreachableReason, at: RequestKind, httpCode?: number): Settled {
  return new Settled({ result: 'Unreachable', why, at, ...(httpCode === undefined ? {} : { httpCode }) });
}
