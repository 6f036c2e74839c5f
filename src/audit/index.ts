export { readRows } from './cluster.ts';
export { asCsv, asJson, asTable } from './print.ts';
