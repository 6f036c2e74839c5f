/** Loaded before the property tests of `npm run test:full`: a hundred times as many cases, where a test does not say how many, and a minute of damaged texts. */
import fc from 'fast-check';

fc.configureGlobal({ numRuns: 10_000 });
process.env['ICB_FUZZ_SECONDS'] ??= '60';
