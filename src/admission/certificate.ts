import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, type SecureContextOptions } from 'node:tls';

/** The serving certificate and its key, as a Secret of the type kubernetes.io/tls holds them. */
const CERTIFICATE_FILE = 'tls.crt';
const KEY_FILE = 'tls.key';
/** Limit on the size of a file, in bytes. */
const LARGEST_FILE = 256 * 1024;

/** A serving certificate that fits its key. */
export interface ServingCertificate {
  readonly options: Pick<SecureContextOptions, 'cert' | 'key'>;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * Reads the serving certificate in a folder.
 *
 * @throws Error: a file cannot be read, or the two do not fit; the message quotes neither
 */
export async function readServingCertificate(directory: string): Promise<ServingCertificate> {
  const [cert, key] = await Promise.all([
    readBounded(directory, CERTIFICATE_FILE),
    readBounded(directory, KEY_FILE),
  ]);
  try {
    createSecureContext({ cert, key });
    return { options: { cert, key }, expiresAt: Date.parse(new X509Certificate(cert).validTo) };
  } catch (error) {
    const { code = 'unknown' } = error as { readonly code?: string };
    throw new Error(
      `expected ${CERTIFICATE_FILE} and ${KEY_FILE} in ${directory} to be a certificate and its private key in PEM, found ` +
        `files that OpenSSL refuses (${code}); replace both`,
    );
  }
}

async function readBounded(directory: string, name: string): Promise<string> {
  const path = join(directory, name);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${path} cannot be read (${error.code ?? error.name})`);
  });
  if (text.length <= LARGEST_FILE) return text;
  throw new Error(`${path} is too large: expected at most ${LARGEST_FILE} bytes, found ${text.length}`);
}

/** Whether two certificates are the same files. */
export function isSameCertificate(a: ServingCertificate | undefined, b: ServingCertificate): boolean {
  return a?.options.cert === b.options.cert && a?.options.key === b.options.key;
}
