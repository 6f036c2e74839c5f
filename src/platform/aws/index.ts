export { aws } from './aws.ts';
