import type { UnreachableReason } from '../../answer/index.ts';
import { DelayedError } from '../../concurrency/index.ts';

/** Thrown if a name has no address that may be contacted. */
export class AddressForbiddenError extends Error {
  override readonly name = 'AddressForbiddenError';
  readonly code = 'ADDRESS_FORBIDDEN';
}

/** By error code of Node (nodejs.org/api/errors.html, /api/tls.html#x509-certificate-error-codes) or undici. */
const REASONS: Readonly<Record<string, UnreachableReason>> = {
  ADDRESS_FORBIDDEN: 'AddressForbidden',
  ETIMEDOUT: 'Timeout',
  UND_ERR_CONNECT_TIMEOUT: 'Timeout',
  UND_ERR_HEADERS_TIMEOUT: 'Timeout',
  UND_ERR_BODY_TIMEOUT: 'Timeout',
  ECONNREFUSED: 'ConnectionRefused',
  ECONNRESET: 'ConnectionLost',
  EPIPE: 'ConnectionLost',
  UND_ERR_SOCKET: 'ConnectionLost',
  EHOSTUNREACH: 'NetworkUnreachable',
  ENETUNREACH: 'NetworkUnreachable',
  EADDRNOTAVAIL: 'NetworkUnreachable',
  EINVAL: 'NetworkUnreachable',
  UND_ERR_ABORTED: 'ProxyFailure',
  UND_ERR_PRX_TLS: 'ProxyFailure',
  UND_ERR_PRX_CONN: 'ProxyFailure',
  UND_ERR_HEADERS_OVERFLOW: 'TooLarge',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'TooLarge',
  HPE_HEADER_OVERFLOW: 'TooLarge',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'BadReply',
  CERT_HAS_EXPIRED: 'CertificateExpired',
  CERT_NOT_YET_VALID: 'CertificateExpired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'CertificateNameMismatch',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'CertificateUntrusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'CertificateUntrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'CertificateUntrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'CertificateUntrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'CertificateUntrusted',
  CERT_UNTRUSTED: 'CertificateUntrusted',
  CERT_REVOKED: 'CertificateUntrusted',
  CERT_SIGNATURE_FAILURE: 'CertificateUntrusted',
  INVALID_CA: 'CertificateUntrusted',
  INVALID_PURPOSE: 'CertificateUntrusted',
  EPROTO: 'TlsFailure',
};

/** Families of codes, for codes that {@link REASONS} does not contain. */
const FAMILIES: readonly (readonly [prefix: RegExp, why: UnreachableReason])[] = [
  [/^(?:ENOTFOUND|ENODATA|EAI_)/, 'DnsFailure'],
  [/^HPE_/, 'BadReply'],
  [/^(?:ERR_SSL_|ERR_TLS_)/, 'TlsFailure'],
];

/** The reason why a request failed. For errors of several addresses (`AggregateError`), the last one counts. */
export function reasonOf(error: unknown): UnreachableReason {
  if (error instanceof DelayedError) return 'LookupDelayed';
  const code = codeOf(error instanceof AggregateError ? error.errors.at(-1) : error);
  const family = FAMILIES.find(([prefix]) => prefix.test(code));
  return (Object.hasOwn(REASONS, code) ? REASONS[code] : undefined) ?? family?.[1] ?? 'NetworkFailure';
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  // Errors of undici's parser do not always have a code.
  const unknown = error.name === 'HTTPParserError' ? 'HPE_UNKNOWN' : '';
  return 'code' in error && typeof error.code === 'string' ? error.code : unknown;
}
