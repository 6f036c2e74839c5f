export { HeldScanReconciler, HoldLimiter } from './reconciler.ts';
export { connectHeldScanTriggers, connectHoldTriggers } from './triggers.ts';
