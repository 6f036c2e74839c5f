import type { RequestOptions } from 'node:https';
import type { KubeConfig, User } from '@kubernetes/client-node';
import { isRecord, quoted } from '../../text/index.ts';
import { KubeConfigError } from '../errors.ts';
import { credentialPlugin } from './credential-plugin.ts';

/**
 * The TLS material and headers for requests to the API server. Over plain HTTP, without a credential, as with kubectl.
 *
 * @throws KubeConfigError if a file cannot be read, or a credential cannot be obtained
 */
export async function connectionOptions(config: KubeConfig, server: URL): Promise<RequestOptions> {
  const options: RequestOptions = {};
  const user = config.getCurrentUser();
  if (server.protocol === 'http:') {
    return withImpersonation(options, user);
  }
  const plugin = credentialPlugin(config);
  try {
    await withoutPlugin(config).applyToHTTPSOptions(options);
  } catch (error) {
    throw unreadable(config, error);
  }
  if (plugin !== undefined) {
    const { token, cert, key } = await plugin.credential();
    if (cert !== undefined) Object.assign(options, { cert, key });
    if (token !== undefined) options.headers = { ...headersIn(options), Authorization: `Bearer ${token}` };
  }
  return withImpersonation(withValidHeader(config, options), user);
}

/** A user of a kubeconfig. client-node does not know `as-groups`. */
export interface ImpersonatingUser extends User {
  readonly impersonateGroups?: readonly string[];
}

/**
 * Adds the headers of impersonation (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation).
 * A header with several values is an array.
 */
function withImpersonation(options: RequestOptions, user: ImpersonatingUser | null): RequestOptions {
  const name = user?.impersonateUser ?? '';
  const groups = user?.impersonateGroups ?? [];
  if (name === '' && groups.length === 0) return options;
  const about = `the user ${quoted(user?.name ?? '')} of the kubeconfig`;
  if (name === '') {
    throw new KubeConfigError(
      `${about} impersonates groups: expected the name of a user to impersonate, too, found none; set as beside as-groups`,
    );
  }
  const wrong = [name, ...groups].find((value) => !/^[\x20-\x7e]+$/.test(value));
  if (wrong !== undefined) {
    throw new KubeConfigError(
      `${about} impersonates ${quoted(wrong)}: expected a name of printable ASCII characters; correct --as and --as-group, or as and ` +
        'as-groups in the kubeconfig',
    );
  }
  // The type of headers has arrays, but the type of the view does not.
  const headers = headersIn(options) as Record<string, string | string[]>;
  const impersonation = {
    'Impersonate-User': name,
    ...(groups.length > 0 && { 'Impersonate-Group': [...groups] }),
  };
  return { ...options, headers: { ...headers, ...impersonation } };
}

/** client-node sets headers as an object. */
function headersIn({ headers }: RequestOptions): Readonly<Record<string, unknown>> {
  return isRecord(headers) ? headers : {};
}

/** Removes white space around a token, as client-go does with the content of a token file. */
function withValidHeader(config: KubeConfig, options: RequestOptions): RequestOptions {
  const { Authorization: found, ...headers } = headersIn(options);
  if (typeof found !== 'string') return options;
  const authorization = `Bearer ${found.replace(/^Bearer\s*/, '').trim()}`;
  if (!/^[\x20-\x7e]+$/.test(authorization)) {
    throw new KubeConfigError(
      `the token of the user ${quoted(config.getCurrentUser()?.name ?? '')} (context ${quoted(config.getCurrentContext())}) in the ` +
        'kubeconfig cannot be used: expected printable ASCII characters, found others; correct the token, or log in again',
    );
  }
  // The values that client-node sets are texts.
  return { ...options, headers: { ...(headers as Record<string, string>), Authorization: authorization } };
}

/** A view of the config in which the current user has no credential plug-in, because we run plug-ins ourselves. */
function withoutPlugin(config: KubeConfig): KubeConfig {
  const user = config.getCurrentUser();
  if (user === null) return config;
  const { exec: _, ...rest } = user;
  // The type of Object.create is `any`: it returns an object with the methods of `config`.
  const view = Object.create(config) as KubeConfig;
  view.getCurrentUser = () => (user.authProvider?.config?.exec ? { ...rest, authProvider: undefined } : rest);
  return view;
}

/** Repeats only errors of the file system, because other errors may quote a credential or the output of a program. */
function unreadable(config: KubeConfig, error: unknown): KubeConfigError {
  const user = config.getCurrentUser();
  const about =
    `the credential of the user ${quoted(user?.name ?? '')} (context ${quoted(config.getCurrentContext())}) in the ` +
    'kubeconfig cannot be used: ';
  const { path, code } = (error instanceof Error ? error : {}) as NodeJS.ErrnoException;
  if (typeof path === 'string') {
    return new KubeConfigError(
      `${about}expected a file that can be read at ${quoted(path)}, found none (${code}); correct the path, or create the file`,
    );
  }
  const provider: unknown = user?.authProvider?.name;
  if (typeof provider !== 'string') {
    const kind = error instanceof Error ? error.name : 'error';
    return new KubeConfigError(
      `${about}expected certificates, keys and tokens that can be read, found an unexpected ${kind}; correct the kubeconfig`,
    );
  }
  return new KubeConfigError(
    `${about}expected the auth-provider ${quoted(provider)} to provide a token, found that it failed; log in again, or let ` +
      'the tool of your cloud write a new kubeconfig with a credential plug-in',
  );
}
