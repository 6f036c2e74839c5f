export { HeldScanReconciler } from './reconciler.ts';
export { connectHeldScanTriggers } from './triggers.ts';
