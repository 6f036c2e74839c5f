export { auditCommand } from './audit.ts';
export { controllerCommand } from './controller.ts';
export { explainCommand } from './explain.ts';
export { programName } from './help.ts';
export { EXIT_USAGE, heedReaders } from './problem.ts';
export { releaseCommand } from './release.ts';
