import type { ProcessGroup } from '../processes/index.ts';
import { untilReady } from '../processes/index.ts';
import { isFound } from './api-server.ts';
import { CONTROLLER_MANAGER, credentialFiles } from './credentials.ts';
import { caFile, kubeconfigFile } from './kubeconfig.ts';
import { SHORT_LIVED } from './server.ts';

/**
 * Starts kube-controller-manager. Resolves when it has created the service account `default` in the namespace `default`.
 *
 * @param api - URL of the API server, and the administrator's token
 */
export async function startControllerManager(
  group: ProcessGroup,
  program: string,
  api: { readonly url: string; readonly token: string },
): Promise<void> {
  const { directory } = group;
  const args = [
    `--kubeconfig=${kubeconfigFile(directory, CONTROLLER_MANAGER)}`,
    `--root-ca-file=${caFile(directory)}`,
    `--service-account-private-key-file=${credentialFiles(directory).serviceAccountKey}`,
    '--use-service-account-credentials=true',
    '--leader-elect=false',
    // It serves no requests.
    '--secure-port=0',
  ];
  const child = await group.spawn(CONTROLLER_MANAGER, program, args, SHORT_LIVED);
  const account = `${api.url}/api/v1/namespaces/default/serviceaccounts/default`;
  await untilReady(child, () => isFound(directory, account, api.token));
}
