import type { EnvVar } from '../object/index.ts';

/** What a scan gets: a Secret mounted as files, and environment entries that point at them. */
export interface ScanDelivery {
  readonly secretName: string;
  readonly mountPath: string;
  readonly env: readonly EnvVar[];
}
