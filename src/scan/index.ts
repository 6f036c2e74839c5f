export { type Delivery, VOLUME_NAME } from './delivery.ts';
export { parseGoDuration, waitBeforeWrite } from './schedule.ts';
export {
  DEFAULT_SCAN_TYPES,
  editScheduledScan,
  isDone,
  type RawScheduledScan,
  readScheduledScan,
  type ScanEdit,
  type ScheduledScan,
} from './scheduled-scan.ts';
