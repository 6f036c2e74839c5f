export type { ConditionContent } from './condition-content.ts';
export { migratedNow } from './migrations.ts';
export {
  countByReadiness,
  countOwn,
  countTemporary,
  credentialExpirations,
  notReady,
  withUnboundScans,
} from './readiness.ts';
export { failureReport, previewConditions, type Report, report } from './report.ts';
export { refusedWrite, temporarySecretsWait } from './temporary-secrets.ts';
