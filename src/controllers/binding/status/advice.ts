import { ADVICE, type ConditionReason } from '../../../api/index.ts';

/** The message, followed by the advice: that for its reason, unless there is a better one. */
export function advise(message: string, reason: ConditionReason, advice: string = ADVICE[reason]): string {
  return advice === '' ? message : `${message}. ${advice}`;
}
