import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { SigningError } from '../exchange.ts';

/** An RSA key that signs with SHA-256 (RS256 in RFC 7518, 3.3). Printing it reveals nothing about the key. */
export interface RsaKey {
  readonly result: 'Key';
  /** @throws SigningError if the key cannot sign */
  sign(text: string): Buffer;
}

/** The key cannot be used. `expected` and `found` are parts of a message, and contain no part of the key. */
interface Unusable {
  readonly result: 'Unusable';
  readonly expected: string;
  readonly found: string;
}

/**
 * Limits on the size of a key, because signing blocks the event loop: 3 ms with a common key of 4096 bits, 50 ms with the
 * slowest key within these bounds, and 3 seconds with 16,384 bits.
 */
const FEWEST_BITS = 1_024;
const MOST_BITS = 4_096;
/**
 * PKCS#8 in PEM takes 3,272 characters for 4096 bits. A longer text could contain primes larger than the modulus, and
 * {@link MOST_BITS} limits only the modulus.
 */
const LONGEST_PEM = 4_096;
/** As OPENSSL_RSA_MAX_PUBEXP_BITS. Common keys have the exponent 65537, which has 17 bits. */
const LARGEST_EXPONENT = 2n ** 64n;

/** Reads a private key in PEM. Signs with it once, because even a well-formed key may be unable to sign. */
export function readRsaKey(pem: string): RsaKey | Unusable {
  if (pem.length > LONGEST_PEM)
    return unusable(`a private key of at most ${LONGEST_PEM} characters`, `one of ${pem.length} characters`);
  const key = parse(pem);
  if (key?.asymmetricKeyType !== 'rsa') return unusable('an RSA key in PEM', 'something else');
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < FEWEST_BITS || modulusLength > MOST_BITS)
    return unusable(`an RSA key of ${FEWEST_BITS} to ${MOST_BITS} bits`, `one of ${modulusLength} bits`);
  if (publicExponent >= LARGEST_EXPONENT)
    return unusable('an RSA key with a public exponent of at most 64 bits', 'a larger exponent');
  const read = rsaKey(key);
  return signs(read) ? read : unusable('an RSA key that can sign', 'one that cannot');
}

function rsaKey(key: KeyObject): RsaKey {
  return {
    result: 'Key',
    sign(text) {
      try {
        return sign('sha256', Buffer.from(text), key);
      } catch {
        // The library's error may reveal parts of the key.
        throw new SigningError('the RSA key cannot sign');
      }
    },
  };
}

function signs(key: RsaKey): boolean {
  try {
    return key.sign('').length > 0;
  } catch {
    return false;
  }
}

function unusable(expected: string, found: string): Unusable {
  return { result: 'Unusable', expected, found };
}

/** undefined: the text is not a private key. Drops the parser's error, which may quote the key. */
function parse(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
