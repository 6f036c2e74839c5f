import type { Cluster, Context, KubeConfig } from '@kubernetes/client-node';
import type { ImpersonatingUser } from '../../kube/index.ts';
import { quoted } from '../../text/index.ts';
import { UserError } from '../errors.ts';
import type { ClusterFlags } from './cluster.ts';

/** Name of a context, a cluster or a user that only the flags define. */
const FROM_FLAGS = 'command-line';
/** Limit on the names that a message lists. */
const MAX_NAMES = 10;

/**
 * Changes the current context to the cluster and the user that the flags name, as kubectl does. Names in messages stay those of
 * the kubeconfig. Other than with kubectl, `--token` replaces every other credential of the user: kubectl also sends a client
 * certificate, which the API server prefers.
 *
 * @throws UserError if the kubeconfig has no such cluster or user
 */
export function applyOverrides(config: KubeConfig, flags: ClusterFlags): void {
  const { cluster, user, server, token, as, asGroup } = flags;
  if ([cluster, user, server, token, as, asGroup].every((flag) => flag === undefined)) return;
  if (asGroup !== undefined && as === undefined) {
    throw new UserError(
      `expected --as together with --as-group, found only --as-group ${asGroup.map(quoted).join(', ')}; add the user to impersonate with --as`,
    );
  }
  checkName('cluster', cluster, config.clusters);
  checkName('user', user, config.users);
  const context = overriddenContext(config, flags);
  config.contexts = replaced(config.contexts, context);
  config.setCurrentContext(context.name);
  if (server !== undefined) {
    config.clusters = replaced(
      config.clusters,
      overriddenCluster(config.getCluster(context.cluster), server, context),
    );
  }
  if (token !== undefined || as !== undefined) {
    config.users = replaced(config.users, overriddenUser(config, context.user, flags));
  }
}

function overriddenContext(config: KubeConfig, { cluster, user, server, token, as }: ClusterFlags): Context {
  const name = config.getCurrentContext() || FROM_FLAGS;
  const current = config.getContextObject(name);
  const needsUser = token !== undefined || as !== undefined;
  return {
    ...current,
    name,
    cluster: cluster ?? (current?.cluster || (server === undefined ? '' : FROM_FLAGS)),
    user: user ?? (current?.user || (needsUser ? FROM_FLAGS : '')),
  };
}

/** Without the name that the certificate of the other server has. Keeps its authority, as kubectl does. */
function overriddenCluster(current: Cluster | null, server: string, { cluster: name }: Context): Cluster {
  const { tlsServerName: _, ...rest } = current ?? { skipTLSVerify: false };
  return { ...rest, name, server };
}

function overriddenUser(
  config: KubeConfig,
  name: string,
  { token, as, asGroup }: ClusterFlags,
): ImpersonatingUser {
  const current: ImpersonatingUser = config.getUser(name) ?? { name };
  const { impersonateUser, impersonateGroups } = current;
  const impersonation =
    as === undefined
      ? { ...(impersonateUser && { impersonateUser }), ...(impersonateGroups && { impersonateGroups }) }
      : { impersonateUser: as, impersonateGroups: asGroup ?? [] };
  return { ...(token === undefined ? current : { name, token }), ...impersonation };
}

function replaced<T extends { readonly name: string }>(all: readonly T[], one: T): T[] {
  return [...(all ?? []).filter(({ name }) => name !== one.name), one];
}

function checkName(
  what: 'cluster' | 'user',
  wanted: string | undefined,
  existing: readonly { readonly name: string }[],
): void {
  const names = (existing ?? []).map(({ name }) => name);
  if (wanted === undefined || names.includes(wanted)) return;
  const found = names.length === 0 ? 'none' : names.slice(0, MAX_NAMES).map(quoted).join(', ');
  throw new UserError(
    `expected a ${what} of the kubeconfig, found --${what} ${quoted(wanted)}; its ${what}s: ${found}; correct --${what}, or ` +
      'choose another kubeconfig with --kubeconfig',
  );
}
