import { DNS_SUBDOMAIN } from '../object/index.ts';
import type { RawPod } from './raw-pod.ts';

/** Limit on the pull secrets of a pod. A binding accepts 16. */
const MOST_SECRETS = 32;

/** The pull secrets that a pod names, and the problems with those that cannot be used. */
export function readPullSecrets({ spec = {} }: RawPod): {
  readonly imagePullSecrets: readonly string[];
  readonly problems: readonly string[];
} {
  const named = new Set((spec.imagePullSecrets ?? []).flatMap((secret) => secret.name || []));
  const valid = [...named].filter((secret) => DNS_SUBDOMAIN.test(secret));
  const imagePullSecrets = valid.slice(0, MOST_SECRETS);
  const problems: string[] = [];
  if (valid.length > MOST_SECRETS)
    problems.push(
      `Discovery reads at most the first ${MOST_SECRETS} imagePullSecrets, but the pod names ${valid.length}. Name fewer.`,
    );
  if (valid.length < named.size)
    problems.push('An entry of imagePullSecrets is not a valid Secret name. Correct it.');
  return { imagePullSecrets, problems };
}
