export { migratedNow } from './migrations.ts';
export { countByReadiness, credentialEnds, notReady } from './readiness.ts';
export { failureReport, type Report, report } from './report.ts';
