import type { KubeConfig } from '@kubernetes/client-node';

/** Something that whoever started the command can mend; told without a stack. */
export class SetupError extends Error {}

/** Where client-node would try its luck when it finds no configuration. */
const FALLBACK_SERVER = 'http://localhost:8080';

/**
 * The cluster of KUBECONFIG, of ~/.kube/config, or the one that the pod runs in.
 *
 * @throws SetupError where there is none, or the file cannot be read
 */
export async function loadKubeConfig(): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  const source = process.env['KUBECONFIG'] ?? '~/.kube/config';
  try {
    config.loadFromDefault();
  } catch (error) {
    throw new SetupError(`the kubeconfig (${source}) cannot be read: ${told(error)}`);
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new SetupError(
      `the kubeconfig (${source}) has no cluster for its current-context "${config.getCurrentContext()}"`,
    );
  }
  if (cluster.server === FALLBACK_SERVER) {
    throw new SetupError('found no cluster: expected KUBECONFIG, ~/.kube/config, or a pod of a cluster');
  }
  return config;
}

/** Without what a YAML parser quotes: the line may hold a token. */
function told(error: unknown): string {
  if (!(error instanceof Error) || error.name !== 'YAMLException') return String(error);
  const line = 'mark' in error ? (error.mark as { readonly line?: unknown } | undefined)?.line : undefined;
  return typeof line === 'number' ? `line ${line + 1} is not YAML` : 'it is not YAML';
}
