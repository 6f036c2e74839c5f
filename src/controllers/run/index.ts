export { RunReconciler } from './reconciler.ts';
export { connectRunTriggers } from './triggers.ts';
