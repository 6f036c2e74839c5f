const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The units, each with the age from which it is used: at least two of a unit, as kubectl does. */
const UNITS = [
  [2 * DAY, DAY, 'd'],
  [2 * HOUR, HOUR, 'h'],
  [2 * MINUTE, MINUTE, 'm'],
] as const;

/**
 * The age of an object, like kubectl's column AGE: `90s`, `5m`, `30h`, `12d`. Times in the future, which different clocks can
 * cause, give `0s`.
 *
 * @param time - RFC 3339; null or another text: unknown
 * @param now - milliseconds since the epoch
 */
export function ageOf(time: string | null, now: number): string {
  const age = now - Date.parse(time ?? '');
  if (Number.isNaN(age)) return '<unknown>';
  const [, size, name] = UNITS.find(([from]) => age >= from) ?? [0, SECOND, 's'];
  return `${Math.max(0, Math.floor(age / size))}${name}`;
}
