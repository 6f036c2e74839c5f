import { isIPv4 } from 'node:net';
import type { Cluster, KubeConfig, User } from '@kubernetes/client-node';
import { quoted } from '../../text/index.ts';
import { KubeConfigError } from '../errors.ts';

/**
 * The URL of the API server.
 *
 * @throws KubeConfigError if there is none, or if a credential would be needed for a server without TLS. kubectl sends no
 *   credential over plain HTTP, either. A server on the same host, such as `kubectl proxy`, needs none.
 */
export function serverOf(config: KubeConfig): URL {
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new KubeConfigError('the kubeconfig has no current cluster: set KUBECONFIG or a current-context');
  const url = URL.parse(cluster.server);
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw new KubeConfigError(
      `the cluster ${quoted(cluster.name)} of the kubeconfig has the server ${quoted(cluster.server)}: expected a URL such as ` +
        'https://api.example.org:6443; correct it',
    );
  }
  checkProxy(cluster);
  const user = config.getCurrentUser();
  if (url.protocol === 'http:' && !isLoopback(url.hostname) && user !== null && hasCredential(user)) {
    throw new KubeConfigError(
      `the cluster ${quoted(cluster.name)} of the kubeconfig has the server ${quoted(cluster.server)}: expected https, because ` +
        `others could read the credential of the user ${quoted(user.name)} on the network, found plain HTTP; correct the URL, or choose a ` +
        'context without a user (plain HTTP with a credential is not supported, except to this host, where it is not sent)',
    );
  }
  return url;
}

function checkProxy({ name, proxyUrl = '' }: Cluster): void {
  if (proxyUrl.startsWith('socks')) {
    throw new KubeConfigError(
      'the proxy-url of the kubeconfig is a SOCKS proxy, which is not supported: use an HTTP proxy',
    );
  }
  if (proxyUrl === '' || /^https?:$/.test(URL.parse(proxyUrl)?.protocol ?? '')) return;
  // The URL of a proxy may contain a password.
  throw new KubeConfigError(
    `the cluster ${quoted(name)} of the kubeconfig has an invalid proxy-url: expected a URL such as ` +
      'http://proxy.example.org:3128; correct it',
  );
}

/** Whether a host, as in a URL, is this computer. */
function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    (isIPv4(hostname) && hostname.startsWith('127.'))
  );
}

function hasCredential(user: User): boolean {
  const { token, username, password, certData, certFile, keyData, keyFile, exec, authProvider } = user;
  return [token, username, password, certData, certFile, keyData, keyFile, exec, authProvider].some(Boolean);
}
