export { connectionOptions, type ImpersonatingUser } from './connection-options.ts';
export { serverOf } from './server.ts';
