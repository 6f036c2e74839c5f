export { DelayedError, FairLimiter } from './fair-limiter.ts';
export { type Priority, PriorityLimiter } from './priority-limiter.ts';
export { runEach, settleEach } from './settle-each.ts';
export { SharedWork } from './shared-work.ts';
