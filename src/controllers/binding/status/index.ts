export { migratedNow } from './migrations.ts';
export { countByReadiness, credentialExpirations, notReady } from './readiness.ts';
export { failureReport, type Report, report } from './report.ts';
