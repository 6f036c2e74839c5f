export { movedNow, nextMigration } from './history.ts';
export { countByReadiness, credentialEnds, notReady } from './readiness.ts';
export { failureReport, type Report, report } from './report.ts';
export { nameOf } from './verified-condition.ts';
