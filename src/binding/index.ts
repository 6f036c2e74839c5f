export { OutOfDate } from './apply.ts';
export { BindingReconciler } from './reconciler.ts';
export { scanTypesOf } from './serve.ts';
export { createReflectors, createStores } from './stores.ts';
export { connectTriggers } from './triggers.ts';
export { TrivySecretReconciler } from './trivy-secret-reconciler.ts';
