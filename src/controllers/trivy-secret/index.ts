export { TrivySecretReconciler } from './reconciler.ts';
