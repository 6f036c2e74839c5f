import { chosenCandidate, isVerifying } from '../../policy/index.ts';
import { directDelivery } from '../../secret/index.ts';
import type { Resolved } from './resolve.ts';

/**
 * The results of {@link isMisread}, by name of the pull secret. They are kept because a binding can have thousands of scans, and one
 * result may need a walk over 256 entries.
 */
const resultsOf = new WeakMap<Resolved, Map<string, boolean>>();

/**
 * Whether scans must no longer mount a pull secret, because Trivy would read something else from it than a credential for the
 * image of the binding.
 *
 * | the pull secret | result |
 * |---|---|
 * | does not exist, or cannot be read now, because users often delete and create pull secrets again | no |
 * | is not named by the binding, which still waits for the first answer about another one | no |
 * | holds the chosen credential | whether Trivy reads another one |
 * | is any other | whether Trivy reads none of its credentials for the image |
 */
export function isMisread(resolved: Resolved, secretName: string): boolean {
  const results = resultsOf.get(resolved) ?? new Map<string, boolean>();
  resultsOf.set(resolved, results);
  const result = results.get(secretName) ?? isMisreadIn(resolved, secretName);
  results.set(secretName, result);
  return result;
}

function isMisreadIn({ binding, choice, credentials, undeliverable }: Resolved, secretName: string): boolean {
  if (binding?.validity !== 'Valid') return false;
  const { secrets, candidates } = credentials;
  const state = secrets.find(({ name }) => name === secretName)?.state;
  if (state === undefined && isVerifying(choice.resolution)) return false;
  if (state === 'Missing' || state === 'Unreadable') return false;
  if (undeliverable?.reason === 'NotDirect' && chosenCandidate(choice.resolution)?.secret === secretName)
    return true;
  const inSecret = candidates.filter(({ secret }) => secret === secretName);
  return !inSecret.some((one) => directDelivery(one, secrets, binding.image).result === 'Direct');
}
