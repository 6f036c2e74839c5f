import type { Delivery } from '../../api/index.ts';
import type { Binding } from '../../binding/index.ts';
import type { RawScheduledScan, ScheduledScan } from '../../scan/index.ts';
import type { NamedSecret, SourceSecret } from '../../secret/index.ts';

/** The objects of one namespace that an image is explained from. */
export interface Inventory {
  readonly source: 'Files' | 'Cluster';
  /**
   * Pull secrets, and other Secrets that contain a credential, except those that the controller created. Names are unique.
   * They are all used for an image that no binding matches.
   */
  readonly secrets: readonly SourceSecret[];
  /** By name: the Secrets as the controller finds them. Those that a matching binding names are used. */
  readonly states: ReadonlyMap<string, NamedSecret>;
  readonly bindings: readonly Binding[];
  readonly scheduledScans: readonly ScheduledScan[];
  /** By name: the whole ScheduledScans. Empty for a cluster, where status reports which of them cannot be written. */
  readonly rawScans: ReadonlyMap<string, RawScheduledScan>;
  /** Whether {@link scheduledScans} contains all ScheduledScans of the namespace. */
  readonly allScans: boolean;
  /**
   * Whether predictions only assume that the admission webhook is on. In a cluster, status says so if it is off. A controller whose
   * default delivery is `Temporary` does not start without it.
   */
  readonly assumesAdmission: boolean;
  /** Sentences about bindings that the API server would refuse. */
  readonly refused: readonly string[];
  /** Sentences about what was skipped or not found, and why. */
  readonly remarks: readonly string[];
}

/**
 * The inventory as a controller with this default delivery sees it.
 *
 * @param delivery - undefined: the user has not said which one. Then the status of a binding says it, or else it is `Shared`.
 */
export function withDelivery(inventory: Inventory, delivery: Delivery | undefined): Inventory {
  const bindings = inventory.bindings.map((binding) =>
    binding.validity === 'Valid'
      ? { ...binding, delivery: binding.delivery ?? delivery ?? binding.status?.delivery ?? 'Shared' }
      : binding,
  );
  const assumesAdmission = inventory.assumesAdmission && delivery !== 'Temporary';
  return { ...inventory, bindings, assumesAdmission };
}
