import type { ConditionType } from './conditions.ts';
import type { Condition, ImageCredentialBindingStatus } from './generated/image-credential-binding/types.ts';

/** What a status reports about the current spec of a binding. */
export type Readiness = Pick<Condition, 'status' | 'reason' | 'message'>;

const CHECK = 'Check that a controller is running and is the leader: kubectl get leases -A.';

/**
 * The condition Ready, or `Unknown` if no condition is about the current spec. As in kstatus, a status that is missing, or
 * that is about an older generation, reports nothing about the current spec.
 */
export function readinessOf(status: ImageCredentialBindingStatus | undefined, generation: number): Readiness {
  const ready = conditionOf(status, 'Ready');
  if (ready === undefined) {
    return {
      status: 'Unknown',
      reason: 'NotReconciled',
      message: `No controller has reported on this binding yet. ${CHECK}`,
    };
  }
  const observed = ready.observedGeneration ?? 0;
  if (observed < generation) {
    const message = `The status is for generation ${observed}, but the spec has generation ${generation}. ${CHECK}`;
    return { status: 'Unknown', reason: 'OutOfDate', message };
  }
  return { status: ready.status, reason: ready.reason, message: ready.message };
}

/** The condition of this type; undefined: the status has none. */
export function conditionOf(
  status: ImageCredentialBindingStatus | undefined,
  type: ConditionType,
): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}
