import type { Binding } from '../../binding/index.ts';
import type { ScheduledScan } from '../../scan/index.ts';
import type { SourceSecret } from '../../secret/index.ts';

/** What there is to explain an image from: the objects of one namespace. */
export interface Inventory {
  /** Which Secrets count: all of them, or those that the binding names (all, where none serves the image). */
  readonly named: 'All' | 'ByBinding';
  /** Each name once: pull secrets, and others that hold a credential. */
  readonly secrets: readonly SourceSecret[];
  readonly bindings: readonly Binding[];
  readonly scheduledScans: readonly ScheduledScan[];
  /** Whether these are all ScheduledScans of the namespace. */
  readonly allScans: boolean;
  /** Sentences about what was passed over, and why. */
  readonly remarks: readonly string[];
}
