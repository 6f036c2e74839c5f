export { type AwaitedScan, awaitedScan, isOpen, isPending, type RequestedScan } from './awaited-scan.ts';
export { parseCron, tickAfter } from './cron.ts';
export { parseGoDuration } from './duration.ts';
export { overriddenLogins } from './own-logins.ts';
export { parseScan, type RawScan } from './raw-scan.ts';
export type { Migrated } from './restore.ts';
export {
  newestRun,
  type Run,
  readAdmittedRun,
  readRun,
  readSecretUser,
  type ScanRun,
  type SecretUser,
} from './run.ts';
export { type RunCause, type RunRequest, requestRun } from './run-request.ts';
export {
  editScan,
  endHold,
  endHoldUndecided,
  type Hold,
  holdScan,
  isHeldHere,
  lengthenHold,
  type NewScan,
  readNewScan,
} from './scan.ts';
export type { NewScanPlan, OpenReason, ScanDecision, UnboundReason } from './scan-decision.ts';
export type { ScanDelivery } from './scan-delivery.ts';
export {
  everyMs,
  isCronTick,
  type NoRun,
  nextRun,
  noRun,
  previousTicks,
  type Schedule,
  waitBeforeWrite,
  writtenAt,
} from './schedule.ts';
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
