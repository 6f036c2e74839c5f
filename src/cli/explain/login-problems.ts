import type { Candidate } from '../../credential/index.ts';
import { faultsIn, type SourceCredential } from '../../platform/index.ts';
import { quoted } from '../../text/index.ts';

/** Sentences about probable mistakes in the login of a candidate, which is delivered unchanged. */
export function loginProblems({
  secret,
  registryKey,
  credential,
}: Candidate<SourceCredential>): readonly string[] {
  return faultsIn(credential).map(
    (fault) =>
      `Secret "${secret}": ${fault} in the login for ${quoted(registryKey)}; correct the Secret, unless that is intended`,
  );
}
