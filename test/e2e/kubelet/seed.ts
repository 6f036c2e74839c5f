/** Of the random cases; a failure names it, and ICB_TEST_SEED brings the same cases again. */
export const seed = Number(process.env['ICB_TEST_SEED'] || Date.now() % 2 ** 31);
