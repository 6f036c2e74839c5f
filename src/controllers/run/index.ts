export { RunReconciler } from './reconciler.ts';
