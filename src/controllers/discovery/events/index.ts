export { type DueEvents, dueEvents, NOTHING_REPORTED, type Reported } from './event-limit.ts';
export {
  omittedReplacements,
  podProblems,
  tooManyBindings,
  tooManyContainers,
  tooManyPullSecrets,
} from './problems.ts';
