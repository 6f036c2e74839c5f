import { KUBE_SCHEDULER, kubeconfigFile } from '../control-plane/index.ts';
import type { ProcessGroup } from '../processes/index.ts';

/** Starts kube-scheduler. It needs no time to become ready: pods wait for it. */
export async function startScheduler(group: ProcessGroup, program: string): Promise<void> {
  const args = [
    `--kubeconfig=${kubeconfigFile(group.directory, KUBE_SCHEDULER)}`,
    '--leader-elect=false',
    // It serves no requests.
    '--secure-port=0',
  ];
  await group.spawn(KUBE_SCHEDULER, program, args, { graceMilliseconds: 0 });
}
