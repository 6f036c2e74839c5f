export { auditCommand } from './command.ts';
