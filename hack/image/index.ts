export { tar } from './tar.ts';
