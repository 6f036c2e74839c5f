import { createPrivateKey } from 'node:crypto';

const EXPONENT = 65_537n;
/** Tags of DER: ITU-T X.690. */
const INTEGER = 0x02;
const SEQUENCE = 0x30;

/**
 * Makes an RSA private key of any size in PEM. Node's generator refuses fewer than 512 bits, and takes minutes for more than
 * 8,192. The factors of this key are not prime. OpenSSL signs with it nevertheless, in the same time.
 *
 * @param bits - even
 * @throws Error if Node cannot read the key
 */
export function rsaKey(bits: number): string {
  const high = 1n << BigInt(bits / 2 - 1);
  const [p, q] = [high + high / 2n + 1n, high + high / 2n + 3n];
  const d = inverse(EXPONENT, (p - 1n) * (q - 1n));
  // RSAPrivateKey of RFC 8017, A.1.2.
  const numbers = [0n, p * q, EXPONENT, d, p, q, d % (p - 1n), d % (q - 1n), inverse(q, p)];
  const der = element(SEQUENCE, Buffer.concat(numbers.map(integer)));
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n');
  const pem = `-----BEGIN RSA PRIVATE KEY-----\n${lines}\n-----END RSA PRIVATE KEY-----\n`;
  createPrivateKey(pem);
  return pem;
}

function integer(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  // A first bit of 1 would make the number negative, so a zero byte precedes it.
  return element(INTEGER, (bytes[0] ?? 0) < 0x80 ? bytes : Buffer.concat([Buffer.of(0), bytes]));
}

function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const hex = length.toString(16);
  const size = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  const header = length < 0x80 ? [length] : [0x80 | size.length, ...size];
  return Buffer.concat([Buffer.of(tag, ...header), content]);
}

/** The inverse of a number modulo another, by Euclid's algorithm. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [rest, last, factor, lastFactor] = [modulus, value % modulus, 0n, 1n];
  while (rest !== 0n) {
    const quotient = last / rest;
    [last, rest] = [rest, last - quotient * rest];
    [lastFactor, factor] = [factor, lastFactor - quotient * factor];
  }
  return ((lastFactor % modulus) + modulus) % modulus;
}
