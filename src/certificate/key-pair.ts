import { createPrivateKey, X509Certificate } from 'node:crypto';

/** A certificate and its private key, in PEM. Never write the key into a message. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/**
 * The first certificate of a PEM text.
 *
 * @returns undefined: OpenSSL refuses it
 */
export function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** When the first certificate of a PEM text expires, in milliseconds since the epoch; NaN: it cannot be read. */
export function expiresAt(pem: string): number {
  return Date.parse(parseCertificate(pem)?.validTo ?? '');
}

/** Whether the key is that of the certificate. */
export function fitsKey(certificate: X509Certificate, key: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

/** The certificates of a PEM text, each as PEM. Ignores text between them. */
export function splitCertificates(pem: string): readonly string[] {
  const pattern = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
  return Array.from(pem.matchAll(pattern), ([text]) => `${text}\n`);
}
