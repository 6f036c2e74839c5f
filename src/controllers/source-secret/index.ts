export { SourceSecretReader } from './reconciler.ts';
export { connectSourceSecretTriggers } from './triggers.ts';
