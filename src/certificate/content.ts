import type { X509Certificate } from 'node:crypto';
import { isOwnAuthority } from './issue.ts';
import { expiresAt, fitsKey, type KeyPair, parseCertificate, splitCertificates } from './key-pair.ts';

/** The keys of the Secret. Those of the serving certificate are the keys of the type kubernetes.io/tls. */
const AUTHORITIES_KEY = 'ca.crt';
const AUTHORITY_KEY_KEY = 'ca.key';
const CERTIFICATE_KEY = 'tls.crt';
const KEY_KEY = 'tls.key';
/** Limit on the size of a value, in characters of base64. */
const LARGEST_VALUE = 64 * 1024;
/** Limit on the authorities that API servers trust at the same time: the current one, and previous ones. */
const MOST_AUTHORITIES = 3;

/** What the Secret holds. */
export interface Content {
  /** The authority that signs the serving certificate. */
  readonly authority: KeyPair;
  /** Previous authorities that have not expired, in PEM. Replicas may still serve certificates that they signed. */
  readonly previous: readonly string[];
  readonly serving: KeyPair;
}

/** The content of the Secret, and what is missing in it. */
export type ReadContent =
  | { readonly result: 'Usable'; readonly content: Content }
  /** The authority can sign a new certificate. `problem` says what is wrong with the serving certificate. */
  | {
      readonly result: 'NoServing';
      readonly authority: KeyPair;
      readonly previous: readonly string[];
      readonly problem: string;
    }
  | { readonly result: 'NoAuthority'; readonly problem: string };

type Data = Readonly<Record<string, string>> | undefined;

/**
 * Reads the `data` of the Secret.
 *
 * @param host - the DNS name that the serving certificate must have
 * @param now - milliseconds since the epoch
 */
export function readContent(data: Data, host: string, now: number): ReadContent {
  const [certificate, ...others] = splitCertificates(textAt(data, AUTHORITIES_KEY));
  const authority = { certificate: certificate ?? '', key: textAt(data, AUTHORITY_KEY_KEY) };
  const problem = authorityProblem(authority, now);
  if (problem !== undefined) return { result: 'NoAuthority', problem };
  const previous = others.filter((each) => expiresAt(each) > now).slice(0, MOST_AUTHORITIES - 1);
  const serving = { certificate: textAt(data, CERTIFICATE_KEY), key: textAt(data, KEY_KEY) };
  const flaw = servingProblem(serving, authority, host, now);
  return flaw === undefined
    ? { result: 'Usable', content: { authority, previous, serving } }
    : { result: 'NoServing', authority, previous, problem: flaw };
}

/** The `data` of a Secret with this content. */
export function dataOf({ authority, previous, serving }: Content): Readonly<Record<string, string>> {
  return {
    [AUTHORITIES_KEY]: btoa(bundleOf({ authority, previous })),
    [AUTHORITY_KEY_KEY]: btoa(authority.key),
    [CERTIFICATE_KEY]: btoa(serving.certificate),
    [KEY_KEY]: btoa(serving.key),
  };
}

/** The certificates that clients must trust, in PEM: the `caBundle` of the webhook. */
export function bundleOf({ authority, previous }: Pick<Content, 'authority' | 'previous'>): string {
  return [authority.certificate, ...previous].slice(0, MOST_AUTHORITIES).join('');
}

function authorityProblem(authority: KeyPair, now: number): string | undefined {
  if (authority.certificate === '' || authority.key === '') return 'there is no authority';
  const parsed = parseCertificate(authority.certificate);
  if (parsed === undefined || !parsed.ca || !fitsKey(parsed, authority.key))
    return 'the authority and its key cannot be used together';
  if (!isOwnAuthority(parsed)) return 'the authority is not one that this program has created';
  return validityProblem(parsed, 'the authority', now);
}

function servingProblem(serving: KeyPair, authority: KeyPair, host: string, now: number): string | undefined {
  if (serving.certificate === '' || serving.key === '') return 'there is no serving certificate';
  const parsed = parseCertificate(serving.certificate);
  if (parsed === undefined || !fitsKey(parsed, serving.key))
    return 'the serving certificate and its key cannot be used together';
  const issuer = parseCertificate(authority.certificate);
  if (issuer === undefined || !parsed.checkIssued(issuer) || !parsed.verify(issuer.publicKey))
    return 'the serving certificate is from another authority';
  if (parsed.checkHost(host) === undefined) return `the serving certificate is not for ${host}`;
  return validityProblem(parsed, 'the serving certificate', now);
}

/** If a clock was wrong for a moment, a certificate may not be valid yet. No API server accepts it, so it is replaced. */
function validityProblem(
  { validFrom, validTo }: X509Certificate,
  name: string,
  now: number,
): string | undefined {
  if (Date.parse(validFrom) > now) return `${name} is not valid yet`;
  return Date.parse(validTo) > now ? undefined : `${name} has expired`;
}

/** The text of a value; empty: it is missing, or too large. */
function textAt(data: Data, key: string): string {
  const value = data?.[key] ?? '';
  return value.length > LARGEST_VALUE ? '' : Buffer.from(value, 'base64').toString('utf8');
}
