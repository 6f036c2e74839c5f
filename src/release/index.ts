export type { LeasePlace } from './leader.ts';
export { release } from './release.ts';
