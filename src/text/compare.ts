/** Compares two texts by their UTF-16 code units, for `sort`: negative if `a` comes first, 0 if they are equal. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
