export { type NearMiss, nearMisses } from './near-miss.ts';
