/** The stand-in for secureCodeBox. */
export { secureCodeBoxAccess } from './access.ts';
export { secureCodeBoxCrds } from './crds.ts';
export type { ScanRun } from './kubelet/index.ts';
export {
  SCAN_TYPES,
  SCANS,
  SCHEDULED_SCANS,
  type Scan,
  type ScheduledScan,
} from './objects.ts';
export { scanType, trivyImageScanType } from './scan-types.ts';
export { type SecureCodeBox, startSecureCodeBox } from './securecodebox.ts';
