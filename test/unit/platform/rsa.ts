import { generatePrimeSync } from 'node:crypto';

/** The numbers of an RSA private key, RFC 8017, A.1.2. */
export interface RsaNumbers {
  readonly n: bigint;
  readonly e: bigint;
  readonly d: bigint;
  readonly p: bigint;
  readonly q: bigint;
  readonly dp: bigint;
  readonly dq: bigint;
  readonly qi: bigint;
}

/** A working key of any size. Libraries do not generate keys as small as the tests need. */
export function rsaNumbers(bits: number): RsaNumbers {
  const prime = () => generatePrimeSync(bits / 2, { bigint: true });
  const [p, q, e] = [prime(), prime(), 65_537n];
  // A prime minus 1 may have the exponent as a factor.
  if ((p - 1n) % e === 0n || (q - 1n) % e === 0n || p === q) return rsaNumbers(bits);
  const d = inverse(e, (p - 1n) * (q - 1n));
  return { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
}

/** PKCS#1 in PEM. The numbers need not belong together. */
export function rsaPem({ n, e, d, p, q, dp, dq, qi }: RsaNumbers): string {
  const content = Buffer.concat([0n, n, e, d, p, q, dp, dq, qi].map(integer));
  const der = Buffer.concat([Buffer.of(0x30), length(content.length), content]);
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN RSA PRIVATE KEY-----\n${lines.join('\n')}\n-----END RSA PRIVATE KEY-----\n`;
}

/** The largest number with this many bits. */
export function largest(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}

function integer(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  // With a first bit of 1, the number would be negative.
  const positive = (bytes[0] ?? 0) < 0x80 ? bytes : Buffer.concat([Buffer.of(0), bytes]);
  return Buffer.concat([Buffer.of(0x02), length(positive.length), positive]);
}

function length(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.of(bytes);
  return bytes < 0x100 ? Buffer.of(0x81, bytes) : Buffer.of(0x82, bytes >> 8, bytes & 0xff);
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [r, next, s, following] = [value % modulus, modulus, 1n, 0n];
  while (next !== 0n) {
    const quotient = r / next;
    [r, next] = [next, r - quotient * next];
    [s, following] = [following, s - quotient * following];
  }
  return ((s % modulus) + modulus) % modulus;
}
