export { generic } from './generic.ts';
