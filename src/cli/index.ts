export { auditCommand } from './audit/index.ts';
export { completionCommand, printCompletions, wordsToComplete } from './completion/index.ts';
export { controllerCommand } from './controller/index.ts';
export { EXIT_USAGE, handleOutputErrors } from './errors.ts';
export { explainCommand } from './explain/index.ts';
export { programName } from './help.ts';
export { unbindCommand } from './unbind/index.ts';
export { versionCommand } from './version/index.ts';
