import type { KubeConfig } from '@kubernetes/client-node';

/** A KubeConfig of a command. */
export interface ClusterConfig extends KubeConfig {
  /** Limit on a request, in milliseconds (`--request-timeout`). */
  readonly requestTimeoutMs?: number | undefined;
}
