import type { ConditionType } from './conditions.ts';
import type { Condition, ImageCredentialBindingStatus } from './generated/image-credential-binding/types.ts';

/** What a status says of a binding's present spec. */
export type Readiness = Pick<Condition, 'status' | 'reason' | 'message'>;

const CHECK = 'Check that a controller is running and leads: kubectl get leases -A.';

/**
 * The condition Ready, or that there is none that speaks of the present spec: a status that is missing, or of another
 * generation, says nothing of it, as in kstatus.
 */
export function readinessOf(status: ImageCredentialBindingStatus | undefined, generation: number): Readiness {
  const ready = conditionOf(status, 'Ready');
  if (ready === undefined) {
    return {
      status: 'Unknown',
      reason: 'NotReconciled',
      message: `No controller has reported on it. ${CHECK}`,
    };
  }
  const observed = ready.observedGeneration ?? 0;
  if (observed < generation) {
    const message = `The status is of generation ${observed}, the spec of ${generation}. ${CHECK}`;
    return { status: 'Unknown', reason: 'OutOfDate', message };
  }
  return { status: ready.status, reason: ready.reason, message: ready.message };
}

/** The condition of a type; undefined: the status has none. */
export function conditionOf(
  status: ImageCredentialBindingStatus | undefined,
  type: ConditionType,
): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}
