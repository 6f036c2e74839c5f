export { Refused } from './apply.ts';
export { BindingReconciler } from './reconciler.ts';
export { countByReadiness, credentialEnds, notReady } from './status/index.ts';
export { connectTriggers } from './triggers.ts';
