import type { KubeConfig } from '@kubernetes/client-node';
import { Option } from 'commander';
import type { CommandScope } from '../cluster/index.ts';
import { parseNamespace } from './name.ts';

/** The values of {@link scopeFlags}. */
export interface ScopeFlags {
  readonly namespace: readonly string[];
  readonly allNamespaces?: boolean;
}

/** The flags that select the namespaces of a command. */
export function scopeFlags(): readonly Option[] {
  return [
    new Option('-n, --namespace <namespaces>', 'namespaces, separated by commas; may be repeated')
      .argParser((text: string, before: readonly string[]) => [
        ...before,
        ...text.split(',').map(parseNamespace),
      ])
      .default([], 'namespace of the kubeconfig context'),
    new Option('-A, --all-namespaces', 'all namespaces').conflicts('namespace'),
  ];
}

/** The scope that the flags name. */
export function scopeOf({ namespace, allNamespaces = false }: ScopeFlags, config: KubeConfig): CommandScope {
  if (allNamespaces) return { kind: 'All' };
  const [first = contextNamespace(config), ...others] = new Set(namespace);
  return { kind: 'Namespaces', names: [first, ...others] };
}

/** The namespace of the kubeconfig's context. */
export function contextNamespace(config: KubeConfig): string {
  const { namespace = '' } = config.getContextObject(config.getCurrentContext()) ?? {};
  return namespace === '' ? 'default' : namespace;
}
