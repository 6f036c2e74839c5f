export { TrivySecretReconciler } from './reconciler.ts';
export { connectTrivySecretTriggers } from './triggers.ts';
