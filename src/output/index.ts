export { columns } from './columns.ts';
export { csv } from './csv.ts';
export { printable, printableJson } from './printable.ts';
