import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { type Child, untilReady } from '../processes/index.ts';
import { containerdSocket } from './containerd.ts';
import type { Namespaces } from './namespaces.ts';
import { NODE_ADDRESS, NODE_NAME } from './settings.ts';

/** Folder of the logs of containers in the folder of a node: `<namespace>_<pod>_<uid>/<container>/<restarts>.log`. */
export function podLogs(directory: string): string {
  return join(directory, 'pods');
}

/** Folder of an emptyDir volume of the pod with this UID. */
export function emptyDir(directory: string, uid: string, volume: string): string {
  return join(rootFolder(directory), 'pods', uid, 'volumes/kubernetes.io~empty-dir', volume);
}

function rootFolder(directory: string): string {
  return join(directory, 'kubelet');
}

/**
 * Starts the kubelet.
 *
 * @param kubeconfig - with an address of the API server that the node reaches
 * @param ready - whether the node is ready
 */
export async function startKubelet(
  namespaces: Namespaces,
  program: string,
  kubeconfig: string,
  ready: () => Promise<boolean>,
): Promise<Child> {
  const { directory, cgroup } = namespaces;
  const file = join(directory, 'kubelet.yaml');
  await mkdir(join(directory, 'plugins'), { recursive: true });
  await writeFile(file, dump(configuration(directory, cgroup)));
  const args = [
    `--config=${file}`,
    `--kubeconfig=${kubeconfig}`,
    `--root-dir=${rootFolder(directory)}`,
    `--cert-dir=${join(directory, 'kubelet-certificates')}`,
    `--hostname-override=${NODE_NAME}`,
    `--node-ip=${NODE_ADDRESS}`,
  ];
  const child = await namespaces.spawn('kubelet', program, args, { graceMilliseconds: 0 });
  await untilReady(child, ready, 120);
  return child;
}

/** https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/ */
function configuration(directory: string, cgroup: string): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    containerRuntimeEndpoint: `unix://${containerdSocket(directory)}`,
    podLogsDir: podLogs(directory),
    volumePluginDir: join(directory, 'plugins'),
    resolvConf: '',
    cgroupRoot: `/${cgroup}`,
    cgroupDriver: 'cgroupfs',
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    // Only the pods of this node and the API server's proxy reach the kubelet.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    serializeImagePulls: false,
    // Other programs share the disk and the memory.
    evictionHard: { 'memory.available': '1Mi', 'nodefs.available': '0%', 'imagefs.available': '0%' },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    // Logs of the whole machine.
    healthzPort: 0,
  };
}
