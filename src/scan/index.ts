export { type Delivery, VOLUME_NAME } from './delivery.ts';
export type { Moved } from './restore.ts';
export {
  decideRun,
  newestRun,
  type RunCause,
  type RunDecision,
  type RunRequest,
  requestRun,
  type ScanRun,
} from './run.ts';
export { nextRun, parseGoDuration, waitBeforeWrite } from './schedule.ts';
export {
  DEFAULT_SCAN_TYPES,
  editScheduledScan,
  isDone,
  type RawScheduledScan,
  readScheduledScan,
  type ScanEdit,
  type ScheduledScan,
  unreadableScan,
} from './scheduled-scan.ts';
