export { auditCommand } from './audit/index.ts';
export { checkCommand } from './check/index.ts';
export { controllerCommand } from './controller/index.ts';
export { EXIT_USAGE, handleOutputErrors } from './errors.ts';
export { explainCommand } from './explain/index.ts';
export { programName } from './help.ts';
export { releaseCommand } from './release/index.ts';
export { validateCommand } from './validate/index.ts';
