export { readCluster } from './cluster.ts';
export { type Explained, explain } from './explanation.ts';
export { readFiles } from './files.ts';
export type { Inventory } from './inventory.ts';
export { asJson, asText, coloured, plain } from './text.ts';
