import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The Unix socket of the proxy through which the API server connects to Services, in the folder of the control plane. */
export function serviceSocket(directory: string): string {
  return join(directory, 'services.sock');
}

/**
 * Writes the configuration (https://kubernetes.io/docs/tasks/extend-kubernetes/setup-konnectivity/).
 *
 * @returns the flags of the API server
 */
export async function serviceArgs(directory: string): Promise<readonly string[]> {
  // kube-apiserver 1.37 panics over a proxy by TCP without TLS.
  const transport = { uds: { udsName: serviceSocket(directory) } };
  const configuration = {
    apiVersion: 'apiserver.k8s.io/v1beta1',
    kind: 'EgressSelectorConfiguration',
    egressSelections: [{ name: 'cluster', connection: { proxyProtocol: 'HTTPConnect', transport } }],
  };
  const file = join(directory, 'egress.json');
  await writeFile(file, JSON.stringify(configuration));
  return [`--egress-selector-config-file=${file}`];
}
