/** Set by `preload/full.ts`. */
export const VARIABLE = 'ICB_TEST_FULL';

/** Whether `npm run test:full` runs. */
export function isFull(): boolean {
  return process.env[VARIABLE] !== undefined;
}

/** How many cases, or how many seconds, a test takes: `usual` in `npm test`, `full` in `npm run test:full`. */
export function amount(usual: number, full: number): number {
  return isFull() ? full : usual;
}
