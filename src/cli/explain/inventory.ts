import type { Binding } from '../../binding/index.ts';
import type { ScheduledScan } from '../../scan/index.ts';
import type { SourceSecret } from '../../secret/index.ts';

/** The objects of one namespace that an image is explained from. */
export interface Inventory {
  /**
   * Which Secrets are used. `All`: all of them. `ByBinding`: those that the binding names, or all if no binding matches the
   * image.
   */
  readonly named: 'All' | 'ByBinding';
  /** Pull secrets, and other Secrets that contain a credential. Names are unique. */
  readonly secrets: readonly SourceSecret[];
  readonly bindings: readonly Binding[];
  readonly scheduledScans: readonly ScheduledScan[];
  /** Whether {@link scheduledScans} contains all ScheduledScans of the namespace. */
  readonly allScans: boolean;
  /** Sentences about what was skipped or not found, and why. */
  readonly remarks: readonly string[];
}
