import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';

/** The serving certificate and its key, as a Secret of the type kubernetes.io/tls holds them. */
const CERTIFICATE_FILE = 'tls.crt';
const KEY_FILE = 'tls.key';
/** Limit on the size of a file, in bytes. */
const LARGEST_FILE = 256 * 1024;
/** Time between two reads, in milliseconds. Node cannot watch all file systems (https://nodejs.org/api/fs.html#availability). */
const READ_FILES_MS = 2_000;

/** A serving certificate that fits its key. */
export interface ServingCertificate {
  readonly options: Pick<SecureContextOptions, 'cert' | 'key'>;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Where the server gets its certificate from. */
export interface CertificateSource {
  /** For messages, such as `in /etc/certificates`. */
  readonly place: string;
  /** @throws Error: it cannot be read; the message quotes no key */
  readonly read: () => Promise<{ readonly cert: string; readonly key: string }>;
  /**
   * Calls `load` when the certificate may have changed, one call at a time.
   *
   * @param load - resolves with the error if the certificate could not be loaded, and never rejects
   * @returns a function that ends this, after a call that is running
   */
  readonly follow: (load: () => Promise<unknown>) => () => void;
}

/** The files of a folder, as a mounted Secret of the type kubernetes.io/tls has them. */
export function certificateFiles(directory: string): CertificateSource {
  return {
    place: `in ${directory}`,
    read: async () => {
      const files = [readBounded(directory, CERTIFICATE_FILE), readBounded(directory, KEY_FILE)] as const;
      const [cert, key] = await Promise.all(files);
      return { cert, key };
    },
    follow: (load) => repeat(load, READ_FILES_MS),
  };
}

/** Calls `load` with this time between two calls, until the returned function is called. */
function repeat(load: () => Promise<unknown>, milliseconds: number): () => void {
  const stopping = new AbortController();
  const loop = async () => {
    for (;;) {
      await sleep(milliseconds, undefined, { signal: stopping.signal, ref: false });
      await load();
    }
  };
  loop().catch(() => undefined);
  return () => stopping.abort();
}

/**
 * Reads the serving certificate.
 *
 * @throws Error: it cannot be read, or does not fit its key; the message quotes neither
 */
export async function readServingCertificate(source: CertificateSource): Promise<ServingCertificate> {
  const { cert, key } = await source.read();
  try {
    createSecureContext({ cert, key });
    return { options: { cert, key }, expiresAt: Date.parse(new X509Certificate(cert).validTo) };
  } catch (error) {
    const { code = 'unknown' } = error as { readonly code?: string };
    throw new Error(
      `expected ${CERTIFICATE_FILE} and ${KEY_FILE} ${source.place} to be a certificate and its private key in PEM, found ` +
        `texts that OpenSSL refuses (${code}); replace both`,
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

/** Whether two certificates and their keys have the same text. */
export function isSameCertificate(a: ServingCertificate | undefined, b: ServingCertificate): boolean {
  return a?.options.cert === b.options.cert && a?.options.key === b.options.key;
}
