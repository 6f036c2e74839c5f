import type { ConditionReason, ConditionType } from '../../../api/index.ts';

/** A condition without its times. */
export interface ConditionContent {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: ConditionReason;
  readonly message: string;
}
