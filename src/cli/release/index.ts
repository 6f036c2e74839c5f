export { releaseCommand } from './command.ts';
