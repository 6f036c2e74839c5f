import { existsSync } from 'node:fs';
import { delimiter } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { Option } from 'commander';
import { quoted } from '../../text/index.ts';

/** Something that whoever started the command can mend; told without a stack. */
export class SetupError extends Error {}

/** Where client-node would try its luck when it finds no configuration. */
const FALLBACK_SERVER = 'http://localhost:8080';
/** Of more contexts, the rest is not told. */
const MOST_CONTEXTS = 10;

/** What the flags of {@link clusterFlags} give. */
export interface ClusterFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** The flags that say which cluster: kubectl takes none of its own before the name of a plugin. */
export function clusterFlags(): readonly Option[] {
  return [
    new Option(
      '--kubeconfig <file>',
      'file that says which cluster, and who asks; else KUBECONFIG, ~/.kube/config, or the pod',
    ),
    new Option('--context <name>', 'context of the kubeconfig; else its current one'),
  ];
}

/**
 * The cluster that the flags name, else that of KUBECONFIG, of ~/.kube/config, or the one that the pod runs in.
 *
 * @throws SetupError where there is none, or a file cannot be read
 */
export async function loadKubeConfig({ kubeconfig, context }: ClusterFlags = {}): Promise<KubeConfig> {
  const client = await import('@kubernetes/client-node');
  const config = new client.KubeConfig();
  const named = kubeconfig ?? process.env['KUBECONFIG'] ?? '';
  const source = named === '' ? '~/.kube/config' : named;
  try {
    const files = named === kubeconfig ? [named] : named.split(delimiter).filter((file) => file !== '');
    if (files.length > 0) config.loadFromOptions(merged(files.filter(existsSync).map(read)));
    else config.loadFromDefault();
  } catch (error) {
    throw new SetupError(
      `the kubeconfig (${source}) cannot be read: ${told(error)}; correct it, or name another one`,
    );
  }
  if (context !== undefined) config.setCurrentContext(context);
  checkContext(config, source);
  return config;

  function read(file: string): KubeConfig {
    const one = new client.KubeConfig();
    one.loadFromFile(file);
    return one;
  }
}

type Merged = Pick<KubeConfig, 'clusters' | 'users' | 'contexts' | 'currentContext'>;

/** As kubectl merges files: of what has the same name the first counts, and so does the first current context. */
function merged(configs: readonly KubeConfig[]): Merged {
  if (configs.length === 0) throw new Error('there is no such file');
  return {
    clusters: firstOfEachName(configs.flatMap(({ clusters }) => clusters ?? [])),
    users: firstOfEachName(configs.flatMap(({ users }) => users ?? [])),
    contexts: firstOfEachName(configs.flatMap(({ contexts }) => contexts ?? [])),
    currentContext: configs.map(({ currentContext }) => currentContext).find(Boolean) ?? '',
  };
}

function firstOfEachName<T extends { readonly name: string }>(all: readonly T[]): T[] {
  return all.filter((one, index) => all.findIndex(({ name }) => name === one.name) === index);
}

function checkContext(config: KubeConfig, source: string): void {
  const cluster = config.getCurrentCluster();
  if (cluster?.server === FALLBACK_SERVER) {
    throw new SetupError(
      'found no cluster: expected KUBECONFIG, ~/.kube/config, or a pod of a cluster; set KUBECONFIG to the file that ' +
        'says how to reach yours',
    );
  }
  if (cluster !== null) return;
  const names = config.contexts.map(({ name }) => name);
  const found = names.length === 0 ? 'none' : names.slice(0, MOST_CONTEXTS).map(quoted).join(', ');
  throw new SetupError(
    `the kubeconfig (${source}) has no cluster for its context ${quoted(config.getCurrentContext())}; ` +
      `its contexts: ${found}; choose one with --context, or kubectl config use-context`,
  );
}

/** Without what a YAML parser quotes: the line may hold a token. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name !== 'YAMLException') return error.message;
  const line = 'mark' in error ? (error.mark as { readonly line?: unknown } | undefined)?.line : undefined;
  return typeof line === 'number' ? `line ${line + 1} is not YAML` : 'it is empty, or not YAML';
}
