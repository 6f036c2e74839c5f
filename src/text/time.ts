/** The format that Go parses with `time.RFC3339`: https://pkg.go.dev/time#RFC3339 */
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
const FIRST = Date.parse('0001-01-01T00:00:00Z');
const LAST = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * Parses an RFC 3339 time in the years 1 to 9999, so that the time can be formatted again. Returns milliseconds since the
 * epoch; undefined: the text is not such a time.
 */
export function parseTime(text: string): number | undefined {
  if (!RFC_3339.test(text)) return undefined;
  const time = Date.parse(text);
  return time >= FIRST && time <= LAST ? time : undefined;
}
