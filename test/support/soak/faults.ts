import { isList, isNextPage, isWatch, type Rule } from '../faults/index.ts';

/** Faults that a soak injects. A silent connection ends with a time-out or with the next cut. */
export const SOAK_FAULTS: readonly Rule[] = [
  { fault: { kind: 'status', code: 410 }, probability: 0.2, when: isNextPage },
  { fault: { kind: 'status', code: 410 }, probability: 0.03, when: isWatch },
  { fault: { kind: 'expire' }, probability: 0.1, when: isWatch },
  { fault: { kind: 'cut-mid-line' }, probability: 0.15, when: isWatch },
  { fault: { kind: 'cut-mid-line' }, probability: 0.05, when: isList },
  { fault: { kind: 'cut-before' }, probability: 0.05 },
  { fault: { kind: 'cut-after' }, probability: 0.05 },
  { fault: { kind: 'silence' }, probability: 0.03 },
  { fault: { kind: 'slow', bytesPerSecond: 200_000 }, probability: 0.05 },
  { fault: { kind: 'close' }, probability: 0.1 },
  { fault: { kind: 'drop-bookmarks' }, probability: 0.05 },
  { fault: { kind: 'drop-bookmarks', only: 'initial-events-end' }, probability: 0.03 },
  { fault: { kind: 'overload' }, probability: 0.02 },
  { fault: { kind: 'status', code: 429, retryAfterSeconds: 1 }, probability: 0.02 },
  { fault: { kind: 'status', code: 500 }, probability: 0.04 },
  { fault: { kind: 'status', code: 503 }, probability: 0.04 },
  { fault: { kind: 'status', code: 503, retryAfterSeconds: 1 }, probability: 0.02 },
];
