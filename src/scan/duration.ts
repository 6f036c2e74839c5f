/** The longest duration that is read, in characters. Go has no limit. */
export const LONGEST_DURATION = 256;

const UNIT_NS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['\u00b5s', 1_000n],
  ['\u03bcs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]);
const NS_PER_MS = 1e6;
/** 2^63 ns are about 292 years. A negative duration may have this length, but a positive one must be shorter. */
const LIMIT_NS = 2n ** 63n;
const DURATION = /^(?<sign>[+-]?)(?<parts>(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[^.0-9]+)+)$/;
const PART = /([0-9]*)(?:\.([0-9]*))?([^.0-9]+)/g;

/**
 * Nanoseconds of a Go duration (https://pkg.go.dev/time#ParseDuration), which may be negative; undefined: Go refuses it, or
 * it is too long to be read. `test/e2e/oracle/duration.test.ts` compares this with Go.
 */
export function durationNs(text: string): bigint | undefined {
  if (text.length > LONGEST_DURATION) return undefined;
  if (/^[+-]?0$/.test(text)) return 0n;
  const { sign, parts = '' } = DURATION.exec(text)?.groups ?? {};
  const total = sum(parts);
  if (parts === '' || total === undefined) return undefined;
  if (sign === '-') return -total;
  return total < LIMIT_NS ? total : undefined;
}

/** Go refuses a part or a sum beyond the limit, except that a sum of twice the limit counts as 0. */
function sum(parts: string): bigint | undefined {
  let total = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of parts.matchAll(PART)) {
    const size = UNIT_NS.get(unit);
    if (size === undefined) return undefined;
    const part = BigInt(whole) * size + fractionNs(fraction, size);
    if (part > LIMIT_NS) return undefined;
    total = BigInt.asUintN(64, total + part);
    if (total > LIMIT_NS) return undefined;
  }
  return total;
}

/** Rounds like Go: it ignores the digits after the first 18 or 19, and computes with floating-point numbers. */
function fractionNs(digits: string, unit: bigint): bigint {
  let value = 0n;
  let scale = 1;
  for (const digit of digits) {
    if (value > (LIMIT_NS - 1n) / 10n) break;
    const next = value * 10n + BigInt(digit);
    if (next > LIMIT_NS) break;
    value = next;
    scale *= 10;
  }
  return BigInt(Math.floor(Number(value) * (Number(unit) / scale)));
}

/**
 * Milliseconds of a Go duration that is not negative; undefined: Go refuses the text, it is negative, or it is too long to
 * be read.
 */
export function parseGoDuration(text: string): number | undefined {
  const nanoseconds = durationNs(text);
  return nanoseconds === undefined || nanoseconds < 0n ? undefined : Number(nanoseconds) / NS_PER_MS;
}
