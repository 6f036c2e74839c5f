export { type Delivery, VOLUME_NAME } from './delivery.ts';
export { parseGoDuration, waitBeforeWrite } from './schedule.ts';
export {
  editScheduledScan,
  isDone,
  type RawScheduledScan,
  readScheduledScan,
  type ScanEdit,
  type ScheduledScan,
} from './scheduled-scan.ts';
