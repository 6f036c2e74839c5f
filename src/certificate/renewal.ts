import type { Content, ReadContent } from './content.ts';
import { issueAuthority, issueServing, SERVING_MS } from './issue.ts';
import { expiresAt } from './key-pair.ts';

/** A serving certificate is renewed when less than this is left, in milliseconds: a third of its validity. */
const RENEWED_MS = SERVING_MS / 3;
/** An authority is replaced when less than this is left, in milliseconds: half of its validity. */
const REPLACED_MS = 5 * 365 * 86_400_000;

/** The content of the Secret, with an authority and a certificate in place of missing ones. */
export async function completed(
  read: Exclude<ReadContent, { readonly result: 'Usable' }>,
  host: string,
  now: number,
): Promise<Content> {
  if (read.result === 'NoAuthority') return newContent(host, now, []);
  const { authority, previous } = read;
  return { authority, previous, serving: await issueServing(authority, host, now) };
}

/**
 * Whether the serving certificate should be renewed. A certificate that is valid for as long as its authority cannot be
 * renewed.
 */
export function isRenewalDue({ serving, authority }: Content, now: number): boolean {
  const end = expiresAt(serving.certificate);
  return end - now < RENEWED_MS && end < expiresAt(authority.certificate);
}

/** The content with a new serving certificate of the same authority. */
export async function renewed(content: Content, host: string, now: number): Promise<Content> {
  return { ...content, serving: await issueServing(content.authority, host, now) };
}

/** Whether the authority should be replaced. */
export function isReplacementDue({ authority }: Content, now: number): boolean {
  return expiresAt(authority.certificate) - now < REPLACED_MS;
}

/** The content with a new authority, which signs a new serving certificate. The previous authority stays trusted. */
export async function replaced(content: Content, host: string, now: number): Promise<Content> {
  return newContent(host, now, [content.authority.certificate, ...content.previous]);
}

async function newContent(host: string, now: number, previous: readonly string[]): Promise<Content> {
  const authority = await issueAuthority(now);
  return { authority, previous, serving: await issueServing(authority, host, now) };
}
