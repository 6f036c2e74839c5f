import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { isRecord, quoted } from '../../text/index.ts';
import type { ClusterConfig } from '../cluster/index.ts';
import { UserError } from '../errors.ts';
import type { ClusterFlags } from './cluster.ts';
import { applyOverrides } from './overrides.ts';

/** The server that client-node falls back to if it finds no configuration. */
const FALLBACK_SERVER = 'http://localhost:8080';
const FALLBACK_CONTEXT = 'loaded-context';
/** Limit on the contexts that a message lists. */
const MAX_CONTEXTS = 10;

/**
 * The cluster that the flags name. Without flags, the cluster of KUBECONFIG, of ~/.kube/config, or the one that the pod runs
 * in, in this order.
 *
 * @throws UserError if there is no cluster, or a file cannot be read
 */
export async function loadKubeConfig(flags: ClusterFlags = {}): Promise<ClusterConfig> {
  const { kubeconfig, context, requestTimeout: requestTimeoutMs } = flags;
  const client = await import('@kubernetes/client-node');
  const { load } = await import('js-yaml');
  const config = new client.KubeConfig();
  const named = kubeconfig ?? process.env['KUBECONFIG'] ?? '';
  const source = named === '' ? '~/.kube/config' : named;
  try {
    const files = named === kubeconfig ? [named] : named.split(delimiter).filter((file) => file !== '');
    if (files.length > 0) config.loadFromOptions(merged(files.filter(existsSync).map(read)));
    else {
      config.loadFromDefault();
      const file = join(process.env['HOME'] ?? '', '.kube', 'config');
      if (existsSync(file)) complete(config, file, load);
    }
  } catch (error) {
    throw new UserError(
      `the kubeconfig (${source}) cannot be read: ${messageOf(error)}; correct it, or choose another one with --kubeconfig`,
    );
  }
  if (context !== undefined) config.setCurrentContext(context);
  applyOverrides(config, flags);
  checkContext(config, source);
  return Object.assign(config, { requestTimeoutMs });

  function read(file: string): KubeConfig {
    const one = new client.KubeConfig();
    one.loadFromFile(file);
    complete(one, file, load);
    return one;
  }
}

/**
 * Adds what client-node does not read from a kubeconfig, as kubectl does: `as-groups` of a user, and `tokenFile`, which takes
 * precedence over `token`. Relative paths of token files and credential plug-ins start at the folder of the kubeconfig.
 */
function complete(config: KubeConfig, file: string, parse: (text: string) => unknown): void {
  const folder = dirname(file);
  const extras = extrasIn(parse(readFileSync(file, 'utf8')));
  config.users = config.users.map((user) => {
    const command: unknown = user.exec?.command;
    if (typeof command === 'string' && command.includes('/') && !isAbsolute(command))
      user.exec.command = join(folder, command);
    const { tokenFile, impersonateGroups } = extras.get(user.name) ?? {};
    const impersonating = impersonateGroups === undefined ? user : { ...user, impersonateGroups };
    if (tokenFile === undefined) return impersonating;
    const { token: _, ...rest } = impersonating;
    const path = isAbsolute(tokenFile) ? tokenFile : join(folder, tokenFile);
    return { ...rest, authProvider: { name: 'tokenFile', config: { tokenFile: path } } };
  });
}

interface UserExtras {
  readonly tokenFile?: string;
  readonly impersonateGroups?: readonly string[];
}

/** By name of a user: what client-node does not read. `config` is the content of a kubeconfig. */
function extrasIn(config: unknown): ReadonlyMap<unknown, UserExtras> {
  const users = isRecord(config) && Array.isArray(config['users']) ? config['users'] : [];
  return new Map(
    users.map((entry: unknown) => {
      const { name, user } = isRecord(entry) ? entry : {};
      const { tokenFile, 'as-groups': groups } = isRecord(user) ? user : {};
      const extras = {
        ...(typeof tokenFile === 'string' && tokenFile !== '' && { tokenFile }),
        ...(Array.isArray(groups) && { impersonateGroups: groups.map(String) }),
      };
      return [name, extras] as const;
    }),
  );
}

type Merged = Pick<KubeConfig, 'clusters' | 'users' | 'contexts' | 'currentContext'>;

/** Merges files as kubectl does: the first entry of a name takes precedence, and so does the first current context. */
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
  if (cluster?.server === FALLBACK_SERVER && config.getCurrentContext() === FALLBACK_CONTEXT) {
    throw new UserError(
      'found no cluster: expected KUBECONFIG, ~/.kube/config, or a pod in a cluster; set KUBECONFIG to the path of your ' +
        'kubeconfig',
    );
  }
  if (cluster !== null) {
    checkUser(config, source);
    return;
  }
  const names = config.contexts.map(({ name }) => name);
  const found = names.length === 0 ? 'none' : names.slice(0, MAX_CONTEXTS).map(quoted).join(', ');
  throw new UserError(
    `the kubeconfig (${source}) has no cluster for its context ${quoted(config.getCurrentContext())}; ` +
      `its contexts: ${found}; choose one with --context, or with kubectl config use-context`,
  );
}

function checkUser(config: KubeConfig, source: string): void {
  const context = config.getCurrentContext();
  const user = config.getContextObject(context)?.user ?? '';
  if (user === '' || config.getUser(user) !== null) return;
  throw new UserError(
    `the kubeconfig (${source}) has no user ${quoted(user)}, which its context ${quoted(context)} names; correct the user of ` +
      'the context, or choose another context with --context',
  );
}

/** Omits the line that a YAML parser quotes, because the line may contain a token. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name !== 'YAMLException') return error.message;
  const line = 'mark' in error ? (error.mark as { readonly line?: unknown } | undefined)?.line : undefined;
  return typeof line === 'number' ? `line ${line + 1} is not YAML` : 'it is empty, or not YAML';
}
