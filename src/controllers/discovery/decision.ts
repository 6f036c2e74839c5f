import type { EventReason } from '../../api/index.ts';
import type { Pod } from '../../pod/index.ts';
import type { MissingSince } from './grace-periods.ts';
import type { DiscoveredBinding } from './observed.ts';

/** The fields of a binding that discovery writes. */
export interface BindingContent {
  readonly imagePullSecrets: readonly string[];
  readonly replaces: readonly string[];
  readonly users: readonly string[];
  /** Milliseconds since the epoch. */
  readonly unusedSince: number | undefined;
}

/** A write of a discovered binding. */
export type BindingWrite =
  | {
      readonly action: 'Create';
      readonly name: string;
      readonly repository: string;
      readonly content: BindingContent;
    }
  | { readonly action: 'Update'; readonly binding: DiscoveredBinding; readonly content: BindingContent }
  | { readonly action: 'Delete'; readonly binding: DiscoveredBinding; readonly why: string };

/** A write of the annotation that marks a pod as processed. */
export interface PodMark {
  readonly pod: Pod;
  /** The value of the annotation; undefined removes it. */
  readonly binding: string | undefined;
}

/** A problem of a pod or a binding, to be reported in an Event. */
export interface DiscoveryProblem {
  readonly about:
    | { readonly kind: 'Pod'; readonly pod: Pod }
    | { readonly kind: 'Binding'; readonly binding: DiscoveredBinding };
  readonly reason: Extract<EventReason, 'NotDiscovered' | 'TooManyPullSecrets'>;
  readonly note: string;
}

/** What discovery does in a namespace. */
export interface NamespaceDecision {
  /** In steps. The writes of one step may run at the same time. The next step starts only after all of them. */
  readonly writes: readonly (readonly BindingWrite[])[];
  readonly marks: readonly PodMark[];
  readonly problems: readonly DiscoveryProblem[];
  readonly missingSince: MissingSince;
  /** Milliseconds until the decision may change without a change in the stores. */
  readonly requeueAfterMs: number | undefined;
  /** Number of pods, bindings and different containers. The time for a decision grows with it. */
  readonly size: number;
}
