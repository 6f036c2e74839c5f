/**
 * Preloaded for the property tests of `npm run test:full`: a hundred times as many cases by default, and a minute of
 * damaged texts.
 */
import fc from 'fast-check';

fc.configureGlobal({ numRuns: 10_000 });
process.env['ICB_FUZZ_SECONDS'] ??= '60';
