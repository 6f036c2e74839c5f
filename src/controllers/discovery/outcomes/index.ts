export { limitBindings } from './binding-limit.ts';
export type { BindingOutcome } from './outcome.ts';
export { outcomesOf } from './outcomes.ts';
export { usersByRepository } from './users.ts';
