import type { Candidate } from '../../credential/index.ts';
import { expirationOf, faultsIn, type SourceCredential } from '../../platform/index.ts';
import { quoted, timestamp } from '../../text/index.ts';

/** Sentences about probable mistakes in the login of a candidate, which is delivered unchanged, and about its expiration. */
export function loginProblems(candidate: Candidate<SourceCredential>, now: number): readonly string[] {
  const { secret, registryKey, credential } = candidate;
  const expiresAt = expirationOf(credential);
  const faults = faultsIn(credential).map(
    (fault) =>
      `Secret "${secret}": ${fault} in the login for ${quoted(registryKey)}; correct the Secret, unless that is intended`,
  );
  if (expiresAt === undefined || !hasExpired(candidate, now)) return faults;
  const expired = `the credential for ${quoted(registryKey)} expired at ${timestamp(expiresAt)}; renew the Secret`;
  return [...faults, `Secret "${secret}": ${expired}`];
}

/** Whether the credential itself says that it has expired. The controller does not use such a credential. */
export function hasExpired({ credential }: Candidate<SourceCredential>, now: number): boolean {
  return (expirationOf(credential) ?? Number.POSITIVE_INFINITY) <= now;
}
