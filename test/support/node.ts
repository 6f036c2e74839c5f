/** A cluster with a real node. */

import { buildImage, sourceVersion } from '../../hack/image/image.ts';
import { RELEASE } from '../../hack/testenv/controller.ts';
import { buildTestImage, programImage } from '../../hack/testenv/node/images.ts';
import { type ClusterNode, startNode } from '../../hack/testenv/node/node.ts';
import { tools } from '../../hack/testenv/tools/tools.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { Cluster } from './cluster/cluster.ts';

/** Image of the program `workload`, on the node from the start. */
export const WORKLOAD_IMAGE = 'localhost/workload:1.0';

/** The image that the chart names by default. */
const CONTROLLER_IMAGE = `docker.io/securecodebox/image-credential-binding:${packageJson.version}`;

/** A cluster with a node. */
export interface NodeCluster {
  readonly cluster: Cluster;
  readonly node: ClusterNode;
}

export function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * Starts a cluster with a node. The chart is not installed. The release's namespace exists, and allows only what Kubernetes'
 * strictest Pod Security Standard allows.
 */
export async function startNodeCluster({ auditLog = true } = {}): Promise<NodeCluster> {
  // When the chart is uninstalled, a controller that still runs has lost its rights.
  const cluster = await Cluster.start({
    ...{ chart: false, controllerManager: true, lacksRights: true, auditLog, services: true },
    // There is no kube-proxy, so the API server chooses a pod itself.
    apiServerArgs: ['--enable-aggregator-routing=true'],
  });
  try {
    const node = await startNode(cluster.controlPlane, log);
    const { workload } = await tools(['workload'], log);
    const { archive } = await buildTestImage(await programImage(WORKLOAD_IMAGE, workload));
    await node.load(archive);
    await cluster.controlPlane.kubectl(['create', 'namespace', RELEASE]);
    const enforce = 'pod-security.kubernetes.io/enforce=restricted';
    await cluster.controlPlane.kubectl(['label', 'namespace', RELEASE, enforce]);
    return { cluster, node };
  } catch (error) {
    await cluster.controlPlane.stop();
    throw error;
  }
}

/** Builds the controller's image as `npm run image` does, and puts it on the node. */
export async function loadController(node: ClusterNode): Promise<void> {
  const { archive } = await buildImage(CONTROLLER_IMAGE, await sourceVersion());
  await node.load(archive);
}

/** Waits until the pods of the release are ready. */
export async function rolledOut({ controlPlane }: Cluster): Promise<void> {
  const args = ['rollout', 'status', `deployment/${RELEASE}`, '--namespace', RELEASE, '--timeout=120s'];
  await controlPlane.kubectl(args);
}
