import { ADVICE, type ConditionReason } from '../../../api/index.ts';

/** The message, followed by the advice for its reason. */
export function advise(message: string, reason: ConditionReason): string {
  const advice = ADVICE[reason];
  return advice === '' ? message : `${message}. ${advice}`;
}
