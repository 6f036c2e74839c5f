import type { Workload } from './workload.ts';

/** What a pod uses. */
export interface PodUse {
  /** The namespace of the pod. */
  readonly namespace: string;
  /** The name of its {@link Workload}. */
  readonly workload: Workload['name'];
  /** As in {@link Workload}. */
  readonly templated: Workload['templated'];
  /** Whether its phase is Succeeded or Failed. */
  readonly finished: boolean;
  readonly containers: readonly ContainerUse[];
  readonly imagePullSecrets: readonly string[];
  /** Sentences about parts of the pod that cannot be used, such as an image that names no repository. */
  readonly problems: readonly string[];
  /**
   * The value of the annotation that marks the pod as processed. Replaced with the empty text, which names no binding,
   * if it is longer than any that discovery writes.
   */
  readonly marked: string | undefined;
}

/** What a container uses. Repositories are in canonical form. */
export interface ContainerUse {
  readonly name: string;
  readonly repository: string;
  /** The repository that the runtime reports for the same digest, if it differs from `repository`. */
  readonly reported?: string;
  /** A user has added the container to the running pod. It comes from no template, so two such containers are unrelated. */
  readonly ephemeral?: true;
}
