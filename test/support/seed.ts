import { isFull } from './amount.ts';

/**
 * The seed of the random cases: always the same in `npm test`, so that a change fails only because of what it changes, and
 * another one in each `npm run test:full`. A failure prints it, and ICB_TEST_SEED repeats the same cases.
 */
export const seed = Number(process.env['ICB_TEST_SEED'] || (isFull() ? Date.now() % 2 ** 31 : 1));
