export { Refused } from './apply.ts';
export { decideNewScan, type NewScanSources } from './new-scan.ts';
export type { BindingSettings } from './observed.ts';
export { type Preview, Previewer } from './preview.ts';
export { BindingReconciler } from './reconciler.ts';
export type { ConditionContent } from './status/index.ts';
export {
  countByReadiness,
  countOwn,
  countTemporary,
  credentialExpirations,
  notReady,
  withUnboundScans,
} from './status/index.ts';
export { connectBindingTriggers } from './triggers.ts';
