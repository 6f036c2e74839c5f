import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { KubeConfig } from '@kubernetes/client-node';
import type { KubeError } from '../../kube/index.ts';
import { quoted, timestamp } from '../../text/index.ts';
import { UserError } from '../errors.ts';
import type { ClusterConfig } from './config.ts';
import { connectionProblem } from './connection.ts';
import type { CommandScope } from './scope.ts';

/** What a command needs from a cluster. Error messages name it. */
export interface Purpose {
  readonly scope: CommandScope;
  /** The rights that the command needs: `list secrets and scheduledscans`. */
  readonly needs: string;
  /** What the user can do without a cluster, or without those rights. */
  readonly instead?: string;
}

/** An error that says what prevented the purpose of a command, and what to do about it. */
export function userErrorOf(error: KubeError, config: ClusterConfig, purpose: Purpose): UserError {
  return new UserError(messageFor(error, config, purpose));
}

function messageFor(error: KubeError, config: ClusterConfig, purpose: Purpose): string {
  const instead = purpose.instead === undefined ? '' : `, or ${purpose.instead}`;
  if (error.reason === 'NotFound') {
    return (
      'expected the API of ImageCredentialBindings, but this cluster does not have it; install the CRD (helm show crds ' +
      `<chart> | kubectl apply --server-side --filename -)${instead}`
    );
  }
  if (error.reason === 'Unauthorized' || isAnonymous(error)) return rejected(error, config);
  if (error.reason === 'Forbidden') {
    return `${error.message}; expected permission to ${purpose.needs} ${places(purpose.scope)}${instead}`;
  }
  return noAnswer(error, config);
}

function noAnswer(error: KubeError, config: ClusterConfig): string {
  const { server = '', proxyUrl: proxy = '' } = config.getCurrentCluster() ?? {};
  const place = { server: URL.parse(server), proxy, requestTimeoutMs: config.requestTimeoutMs };
  const { found, advice } = connectionProblem(error, place);
  return `expected an answer from the API server at ${server}, found ${found}: ${error.message}; ${advice}`;
}

/** Whether the API server received no credential that it knows, and treated the request as one of an anonymous user. */
export function isAnonymous({ reason, message }: KubeError): boolean {
  return reason === 'Forbidden' && message.includes('"system:anonymous"');
}

function rejected(error: KubeError, config: KubeConfig): string {
  const user = config.getCurrentUser();
  const name = `${quoted(user?.name ?? '')} (context ${quoted(config.getCurrentContext())})`;
  if (isAnonymous(error)) {
    return (
      `the API server received no credential of the user ${name} in the kubeconfig (${error.message}); log in again, or choose ` +
      'another context with --context'
    );
  }
  const expired = expiration(config);
  const found = expired === undefined ? error.message : `its client certificate expired on ${expired}`;
  return `the API server rejected the credential of the user ${name} in the kubeconfig (${found}); log in again`;
}

/** When the client certificate of the kubeconfig expired (RFC 3339); undefined: there is none, or it is still valid. */
function expiration(config: KubeConfig): string | undefined {
  const { certFile, certData } = config.getCurrentUser() ?? {};
  try {
    const pem = certFile ? readFileSync(certFile) : Buffer.from(certData ?? '', 'base64');
    const { validToDate } = new X509Certificate(pem);
    return validToDate.getTime() < Date.now() ? timestamp(validToDate.getTime()) : undefined;
  } catch {
    return undefined;
  }
}

function places(scope: CommandScope): string {
  if (scope.kind === 'All')
    return 'in all namespaces; request a ClusterRole, or choose a namespace with --namespace';
  return `in ${scope.names.map(quoted).join(', ')}; request a Role there`;
}
