export { ReaderCluster } from './cluster.ts';
export { exampleOf, NEEDS } from './example.ts';
export { type Page, parsePage, readPage } from './markdown.ts';
export { shows } from './output.ts';
export { packageJson } from './reader.ts';
export { SETUPS } from './setups.ts';
export { type Tally, Walk } from './walk.ts';
