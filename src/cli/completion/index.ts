export { completionCommand } from './command.ts';
export { printCompletions, wordsToComplete } from './words.ts';
