export { unbindCommand } from './command.ts';
export { HeldScanResumer, heldScans, isResumed } from './held-scans.ts';
export { UnbindNamespaces } from './namespaces.ts';
export type { ReportProgress } from './progress.ts';
