export { type Outcome, WorkQueue } from './queue.ts';
export { Repetitions } from './repetitions.ts';
