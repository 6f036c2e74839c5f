/** The seed of the random cases. A failure prints it, and ICB_TEST_SEED repeats the same cases. */
export const seed = Number(process.env['ICB_TEST_SEED'] || Date.now() % 2 ** 31);
