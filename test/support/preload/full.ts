/** Preloaded by `npm run test:full`: a hundred times as many random cases by default, and the full amounts of `amount()`. */
import fc from 'fast-check';
import { VARIABLE } from '../amount.ts';

fc.configureGlobal({ numRuns: 10_000 });
process.env[VARIABLE] = '1';
