import type { EnvVar } from '../objects.ts';
import type { PathMap } from './paths.ts';
import { PodFailed, PodWaiting, type SecretReader } from './secrets.ts';

/**
 * The environment of a container, as the kubelet computes it. The last entry of a name wins, except that a missing optional
 * reference keeps the earlier value. `$(NAME)` refers to an earlier entry. Paths are mapped in literal values, but never in
 * the values of Secrets.
 *
 * @throws PodWaiting if a Secret or key that is not optional does not exist
 * @throws PodFailed if a value comes from something other than a Secret
 */
export async function environment(
  entries: readonly EnvVar[],
  secrets: SecretReader,
  paths: PathMap,
): Promise<ReadonlyMap<string, string>> {
  const result = new Map<string, string>();
  for (const entry of entries) {
    const value =
      entry.valueFrom === undefined
        ? expand(paths.rewrite(entry.value ?? ''), result)
        : await secretValue(entry, secrets);
    if (value !== undefined) result.set(entry.name, value);
  }
  return result;
}

/**
 * Replaces `$(NAME)` with the value of that entry, if it exists, and `$$` with a dollar sign.
 *
 * @see https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#entrypoint
 */
export function expand(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$\$|\$\((?<name>[^)]*)\)/g, (match, name?: string) =>
    name === undefined ? '$' : (variables.get(name) ?? match),
  );
}

async function secretValue({ name, valueFrom }: EnvVar, secrets: SecretReader): Promise<string | undefined> {
  const reference = valueFrom?.secretKeyRef;
  if (reference === undefined) throw new PodFailed(`env ${name}: the stand-in supports only secretKeyRef`);
  const optional = reference.optional ?? false;
  const value = (await secrets.read(reference.name, optional))?.get(reference.key);
  if (value === undefined && !optional) {
    throw new PodWaiting(`secret "${reference.name}" has no key "${reference.key}"`);
  }
  return value?.toString('utf8');
}
