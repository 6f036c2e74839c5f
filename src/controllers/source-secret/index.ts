export { SourceSecretReader } from './reconciler.ts';
