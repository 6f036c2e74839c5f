import type { EnvVar } from '../object/index.ts';

/** How a credential is delivered to a scan: a Secret that is mounted as files, and variables that point to them. */
export interface ScanDelivery {
  readonly secretName: string;
  readonly mountPath: string;
  readonly env: readonly EnvVar[];
}
