import type { KubeConfig } from '@kubernetes/client-node';
import type { KubeError } from '../../kube/index.ts';
import { quoted } from '../../text/index.ts';
import { UserError } from '../errors.ts';
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
export function userErrorOf(error: KubeError, config: KubeConfig, purpose: Purpose): UserError {
  return new UserError(messageFor(error, config, purpose));
}

function messageFor(error: KubeError, config: KubeConfig, purpose: Purpose): string {
  const instead = purpose.instead === undefined ? '' : `, or ${purpose.instead}`;
  if (error.reason === 'NotFound') {
    return (
      'expected the API of ImageCredentialBindings, but this cluster does not have it; install the CRD (kubectl apply ' +
      `--server-side --filename crds/)${instead}`
    );
  }
  if (error.reason === 'Forbidden') {
    return `${error.message}; expected permission to ${purpose.needs} ${places(purpose.scope)}${instead}`;
  }
  if (error.status === 401) {
    return `the API server rejected the credential of the kubeconfig (${error.message}); sign in again`;
  }
  const server = config.getCurrentCluster()?.server ?? '';
  const found = error.status === 0 ? 'none' : `HTTP ${error.status}`;
  const advice = isUntrusted(error.cause)
    ? 'correct certificate-authority in the kubeconfig, or the address'
    : 'check that the server is running and reachable, and try again';
  return `expected an answer from the API server at ${server}, found ${found}: ${error.message}; ${advice}`;
}

/** Whether the certificate of the server is not trusted: https://nodejs.org/api/tls.html#x509-certificate-error-codes. */
function isUntrusted(cause: unknown): boolean {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return /CERT|ERR_TLS|UNABLE_TO_|CA_|HOSTNAME_MISMATCH/.test(code);
}

function places(scope: CommandScope): string {
  if (scope.kind === 'All')
    return 'in all namespaces; request a ClusterRole, or choose a namespace with --namespace';
  return `in ${scope.names.map(quoted).join(', ')}; request a Role there`;
}
