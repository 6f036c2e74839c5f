import type { Attack } from '../hostile.ts';
import { hubs, layers, tags, workloads } from './bindings.ts';
import { largeKey, smallKey } from './keys.ts';
import { retryAfter, silentRegistries, silentZone } from './registries.ts';
import { forgedRestore, futureMigrations, hugeIntervals, runRequests, unknownZone } from './scans.ts';
import { brokenEntries, expiredEntries } from './secrets.ts';

/** All known ways in which one namespace could stop the controller or slow it down for others. */
export const ATTACKS: readonly Attack[] = [
  silentZone,
  silentRegistries,
  retryAfter,
  runRequests,
  hubs,
  tags,
  layers,
  workloads,
  futureMigrations,
  unknownZone,
  forgedRestore,
  expiredEntries,
  brokenEntries,
  hugeIntervals,
  largeKey,
  smallKey,
];
