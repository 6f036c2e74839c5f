export { validateCommand } from './command.ts';
