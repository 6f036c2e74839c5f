import { ADVICE, type ConditionReason } from '../../../api/index.ts';

/** A message with what its reason advises to do. */
export function advise(message: string, reason: ConditionReason): string {
  const advice = ADVICE[reason];
  return advice === '' ? message : `${message}. ${advice}`;
}
