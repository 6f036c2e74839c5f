export { azure } from './azure.ts';
