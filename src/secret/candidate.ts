import type { Candidate as Fitting } from '../credential/index.ts';
import type { SourceCredential } from '../platform/index.ts';
import { quoted } from '../text/index.ts';

/**
 * What fits a binding's image: an entry of a pull secret, or a credential that its owner has offered to the registry; the
 * host is then its key.
 */
export type Candidate = Fitting<SourceCredential>;

/** A candidate in words, for messages. An entry whose key could hold a secret value is never a candidate. */
export function describeCandidate(entry: Omit<Candidate, 'credential'> & Partial<Candidate>): string {
  const { credential } = entry;
  if (credential?.kind === 'platform') return `${credential.description} of Secret ${entry.secret}`;
  return `entry ${quoted(entry.registryKey)} of Secret ${entry.secret}`;
}
