export { unbindCommand } from './command.ts';
