export { controllerCommand } from './command.ts';
