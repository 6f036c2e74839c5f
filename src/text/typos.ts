/** Texts with more differences than this are not considered a typo. */
const MAX_TYPOS = 2;

/**
 * The number of typos by which two texts differ: characters that are missing, added, changed, or swapped with the next one.
 * This is the optimal string alignment distance: https://en.wikipedia.org/wiki/Damerau–Levenshtein_distance. The cost is
 * proportional to the length of the texts.
 *
 * @returns undefined if there are more than two
 */
export function typosBetween(a: string, b: string): number | undefined {
  const typos = distance(a, b, MAX_TYPOS);
  return typos > MAX_TYPOS ? undefined : typos;
}

/** Whether two names differ by at most two typos. */
export function isSimilar(a: string, b: string): boolean {
  return typosBetween(a, b) !== undefined;
}

/** The distance if it is at most `limit`. Otherwise, any larger number. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let equal = 0;
  while (equal < a.length && a[equal] === b[equal]) equal += 1;
  const [restA, restB] = [a.slice(equal), b.slice(equal)];
  if (restA === '' || restB === '') return Math.max(restA.length, restB.length);
  if (limit === 0) return 1;
  const [nextA, nextB] = [restA.slice(1), restB.slice(1)];
  const isSwapped = restA[0] === restB[1] && restA[1] === restB[0];
  const rest = [
    isSwapped ? distance(restA.slice(2), restB.slice(2), limit - 1) : limit,
    distance(nextA, nextB, limit - 1),
    distance(nextA, restB, limit - 1),
    distance(restA, nextB, limit - 1),
  ];
  return 1 + Math.min(...rest);
}
