export { bundle, PROGRAM } from './bundle.ts';
