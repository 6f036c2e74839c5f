export { Refused } from './apply.ts';
export type { BindingSettings } from './observed.ts';
export { BindingReconciler } from './reconciler.ts';
export { countByReadiness, credentialExpirations, notReady } from './status/index.ts';
export { connectBindingTriggers } from './triggers.ts';
