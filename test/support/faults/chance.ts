import { createHash } from 'node:crypto';

/**
 * A number from 0 to below 1 that depends on the seed and the words alone, and looks random. It has no state, so
 * concurrent draws cannot change each other's results.
 */
export function chance(seed: number, ...words: readonly (string | number)[]): number {
  const digest = createHash('sha256')
    .update(JSON.stringify([seed, ...words]))
    .digest();
  return digest.readUIntBE(0, 6) / 2 ** 48;
}

/** A whole number from 0 to below `limit`, drawn as in {@link chance}. */
export function chanceBelow(limit: number, seed: number, ...words: readonly (string | number)[]): number {
  return Math.floor(chance(seed, ...words) * limit);
}
