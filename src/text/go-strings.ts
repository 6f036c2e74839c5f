/**
 * Functions of Go's `strings` package, whose white space and letter case differ from JavaScript's. `test/e2e/oracle` compares
 * what uses them with Go.
 */

/** `unicode.IsSpace` */
const SPACES = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+';
const SEPARATOR = new RegExp(SPACES);
const OUTER_SPACES = new RegExp(`^${SPACES}|${SPACES}$`, 'g');

/** `strings.Fields`: the parts between white space. */
export function goFields(text: string): readonly string[] {
  return text.split(SEPARATOR).filter((field) => field !== '');
}

/** `strings.TrimSpace` */
export function goTrimSpace(text: string): string {
  return text.replace(OUTER_SPACES, '');
}

/** `strings.ToLower`, for a comparison with ASCII. It maps the dotted capital I to an i without a combining dot. */
export function goToLower(text: string): string {
  return text.replaceAll('\u0130', 'i').toLowerCase();
}
