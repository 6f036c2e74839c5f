import type { Attack } from '../hostile.ts';
import { hubs, layers, tags, workloads } from './bindings.ts';
import { largeKey, smallKey } from './keys.ts';
import { retryAfter, silentRegistries, silentZone } from './registries.ts';
import { forgedRestore, futureMoves, hugeIntervals, runRequests, unknownZone } from './scans.ts';
import { brokenEntries, endedEntries } from './secrets.ts';

/** All that one namespace has been found to stop or slow down the controller with. */
export const ATTACKS: readonly Attack[] = [
  silentZone,
  silentRegistries,
  retryAfter,
  runRequests,
  hubs,
  tags,
  layers,
  workloads,
  futureMoves,
  unknownZone,
  forgedRestore,
  endedEntries,
  brokenEntries,
  hugeIntervals,
  largeKey,
  smallKey,
];
