import type { Candidate as Fitting } from '../credential/index.ts';
import type { SourceCredential } from '../platform/index.ts';
import { quoted } from '../text/index.ts';

/**
 * A credential that fits a binding's image: an entry of a pull secret, or the credential of a credential Secret. For the
 * latter, the registry key is the host in its annotation.
 */
export type Candidate = Fitting<SourceCredential>;

/** Describes a candidate for a message. An entry whose key could contain a secret value is never a candidate. */
export function describeCandidate(entry: Omit<Candidate, 'credential'> & Partial<Candidate>): string {
  const { credential } = entry;
  if (credential?.kind === 'platform') return `${credential.description} of Secret ${entry.secret}`;
  return `entry ${quoted(entry.registryKey)} of Secret ${entry.secret}`;
}
