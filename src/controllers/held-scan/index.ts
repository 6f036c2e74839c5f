export { HeldScanReconciler, HoldLimiter } from './reconciler.ts';
export { connectHeldScanTriggers, connectHoldLimitTriggers } from './triggers.ts';
