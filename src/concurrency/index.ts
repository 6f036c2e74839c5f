export { DelayedError, FairLimiter } from './fair-limiter.ts';
export { type Priority, RequestSlots } from './request-slots.ts';
export { SharedWork } from './shared-work.ts';
