import type { EnvVar } from '../object/index.ts';

/** How a credential is delivered to a scan: a Secret that is mounted as files, and variables that point to them. */
export interface ScanDelivery {
  readonly secretName: string;
  readonly mountPath: string;
  readonly env: readonly EnvVar[];
  /**
   * `PullSecret`: only the Docker configuration in the Secret is mounted, as config.json. undefined: the controller has created
   * the Secret, and each of its keys is mounted as a file.
   */
  readonly mounts?: 'PullSecret' | undefined;
}
