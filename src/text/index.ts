export { columns } from './columns.ts';
export { compareText } from './compare.ts';
export { csv } from './csv.ts';
export { failureMessage } from './failure.ts';
export { isRecord, readObject } from './json.ts';
export { printable, printableJson } from './printable.ts';
export { quoted } from './quote.ts';
export { parseTime } from './time.ts';
export { CLOCK_SKEW_MS, readPastTime, timestamp } from './timestamp.ts';
