import type { ConditionReason, ConditionType } from '../../../api/index.ts';

/** What a condition says, without its times. */
export interface ConditionContent {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: ConditionReason;
  readonly message: string;
}
