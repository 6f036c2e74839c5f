export { checkCommand } from './command.ts';
export type { Controller } from './controller.ts';
export type { Item } from './item.ts';
export { readControllers, survey } from './survey.ts';
