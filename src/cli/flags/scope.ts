import type { KubeConfig } from '@kubernetes/client-node';
import { Option } from 'commander';
import type { CommandScope } from '../cluster/index.ts';
import { parseNamespace } from './name.ts';

/** What the flags of {@link scopeFlags} give. */
export interface ScopeFlags {
  readonly namespace: readonly string[];
  readonly allNamespaces?: boolean;
}

/** The flags that say whose objects a command is about. */
export function scopeFlags(): readonly Option[] {
  return [
    new Option('-n, --namespace <namespaces>', 'whose objects count, separated by commas; may be repeated')
      .argParser((text: string, before: readonly string[]) => [
        ...before,
        ...text.split(',').map(parseNamespace),
      ])
      .default([], "the kubeconfig's"),
    new Option('-A, --all-namespaces', 'those of all namespaces').conflicts('namespace'),
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
