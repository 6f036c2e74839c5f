/** What the demo and the acceptance run share. */
export { EXIT_CODES } from './exit-codes.ts';
export { eventually, expectSame, type Progress, Unexpected, untilSame, within } from './expectation.ts';
export { Redaction } from './redaction.ts';
