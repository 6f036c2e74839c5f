import type { EnvVar } from '../objects.ts';
import type { PathMap } from './paths.ts';
import { PodFailed, PodWaiting, type SecretReader } from './secrets.ts';

/**
 * A container's environment as the kubelet makes it: of equal names the last wins, but an optional reference to what is
 * missing leaves the one before; `$(NAME)` stands for an entry above. Paths are mapped in literal values, never in
 * those of Secrets.
 *
 * @throws PodWaiting where a Secret or a key is missing that is not optional
 * @throws PodFailed where a value comes from something else than a Secret
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
 * `$(NAME)` becomes the value of that entry, if there is one, and `$$` a dollar.
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
  if (reference === undefined) throw new PodFailed(`env ${name}: only secretKeyRef can be used here`);
  const optional = reference.optional ?? false;
  const value = (await secrets.read(reference.name, optional))?.get(reference.key);
  if (value === undefined && !optional) {
    throw new PodWaiting(`secret "${reference.name}" has no key "${reference.key}"`);
  }
  return value?.toString('utf8');
}
