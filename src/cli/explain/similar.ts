/** More differences than this are no slip of the fingers. */
const MOST_SLIPS = 2;

/** Whether two names differ by no more than a slip or two of the fingers: letters left out, added or changed. */
export function isSimilar(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > MOST_SLIPS) return false;
  return distance(a, b) <= MOST_SLIPS;
}

/** https://en.wikipedia.org/wiki/Levenshtein_distance, row by row. */
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
