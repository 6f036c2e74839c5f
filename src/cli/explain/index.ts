export { explainCommand } from './command.ts';
export { deliveryOf, problemsOf, untried } from './explanation.ts';
export { admissionHint } from './hints.ts';
export { hasExpired, loginProblems } from './login-problems.ts';
export { observersAmong } from './matching.ts';
export { meantSecrets, missingSecret } from './missing-secrets.ts';
export { predict } from './predicted.ts';
export { isSupported, notesOn, problemOf, SCAN_TYPES, scanHintsFor, unmatchedOf } from './scans.ts';
