/** Names with more differences than this are not considered a typo. */
const MAX_TYPOS = 2;

/** Whether two names differ by at most two typos: letters that are missing, added or changed. */
export function isSimilar(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > MAX_TYPOS) return false;
  return distance(a, b) <= MAX_TYPOS;
}

/** The Levenshtein distance, computed row by row: https://en.wikipedia.org/wiki/Levenshtein_distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of Array.from(a).entries()) {
    const next = [i + 1];
    for (const [j, other] of Array.from(b).entries()) {
      const changed = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, changed));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
