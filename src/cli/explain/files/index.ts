export { readFiles } from './files.ts';
