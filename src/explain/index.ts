export { readCluster } from './cluster.ts';
export { type Explained, explain } from './explanation.ts';
export { readFiles } from './files.ts';
export { InputError, type Inventory } from './inventory.ts';
export { asJson, asText, coloured, plain, printable } from './text.ts';
