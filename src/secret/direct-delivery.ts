import { misreadingOf } from '../credential/index.ts';
import type { ImageReference } from '../image/index.ts';
import { MOUNT_PATH, planDelivery } from '../platform/index.ts';
import type { ScanDelivery } from '../scan/index.ts';
import { type Candidate, describeCandidate } from './candidate.ts';
import type { NamedSecret } from './named-secret.ts';

/** How scans mount the pull secret of a candidate itself, or why they cannot. */
export type DirectDelivery =
  | { readonly result: 'Direct'; readonly delivery: ScanDelivery }
  | { readonly result: 'NotDirect'; readonly message: string };

/**
 * Delivers the credential of a candidate without a Trivy Secret. Trivy then reads the whole pull secret, so this is possible only
 * if Trivy sends exactly this credential to the registry of the image.
 *
 * | the candidate is | and | then |
 * |---|---|---|
 * | the credential of a credential Secret | | `NotDirect` |
 * | an entry of a pull secret | Trivy sends another credential or none: see `misreadingOf` | `NotDirect` |
 * | an entry of a pull secret | Trivy sends this credential | `Direct` |
 */
export function directDelivery(
  candidate: Candidate,
  secrets: readonly NamedSecret[],
  image: ImageReference,
): DirectDelivery {
  const { secret: secretName, credential } = candidate;
  const plan = planDelivery(credential, image.host);
  const source = secrets.find(({ name }) => name === secretName);
  const file = source?.state === 'Found' ? source.trivyFile : undefined;
  if (credential.kind === 'platform' || plan.result !== 'TrivyAuth' || file === undefined)
    return notDirect(candidate, 'Trivy cannot use it as a file, because it is not a pull secret');
  const misreading = misreadingOf(file, credential, image);
  if (misreading !== undefined) return notDirect(candidate, misreading.message);
  const { env } = plan.trivyAuth;
  return { result: 'Direct', delivery: { secretName, mountPath: MOUNT_PATH, env, mounts: 'PullSecret' } };
}

function notDirect(candidate: Candidate, why: string): DirectDelivery {
  const message = `${describeCandidate(candidate)} cannot be delivered directly: ${why}`;
  return { result: 'NotDirect', message };
}
