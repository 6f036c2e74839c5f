import type { RegistryAnswer, RequestKind, UnreachableReason } from '../../answer/index.ts';

/** The result of a check after an unexpected error. */
export const INTERNAL_ERROR = {
  result: 'Unreachable',
  why: 'InternalError',
  at: 'ping',
} as const satisfies RegistryAnswer;

/** Thrown when a check has its answer early. Never leaves the folder `registry`. */
export class Settled extends Error {
  override readonly name = 'Settled';
  readonly answer: RegistryAnswer;

  constructor(answer: RegistryAnswer) {
    super(answer.result);
    this.answer = answer;
  }
}

/** The result of a check without a usable answer. `httpCode`: the status, if an answer arrived. */
export function unreachable(why: UnreachableReason, at: RequestKind, httpCode?: number): Settled {
  return new Settled({ result: 'Unreachable', why, at, ...(httpCode === undefined ? {} : { httpCode }) });
}
