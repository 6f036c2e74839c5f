/** What the tests of this folder share: a cluster with a node, two registries, and images. */
import { after } from 'node:test';
import { buildTestImage, programImage } from '../../hack/testenv/node/images.ts';
import { type ClusterNode, startNode } from '../../hack/testenv/node/node.ts';
import { nodeProblem } from '../../hack/testenv/node/requirements.ts';
import { tools } from '../../hack/testenv/tools/tools.ts';
import { Cluster } from '../support/cluster/cluster.ts';

/** Why the tests are skipped on this machine; false: a node can run. */
export const skip: string | false = (await nodeProblem()) ?? false;

/** Image of the program `workload`, on the node from the start. */
export const WORKLOAD_IMAGE = 'localhost/workload:1.0';

/** A cluster with a node. */
export interface Environment {
  readonly cluster: Cluster;
  readonly node: ClusterNode;
}

let started: Promise<Environment> | undefined;

// At the end of all files if they run in one process, which `npm run test:node` does.
after(async () => (await started)?.cluster[Symbol.asyncDispose]());

/** Starts the environment at the first call. */
export function environment(): Promise<Environment> {
  started ??= start();
  return started;
}

export function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function start(): Promise<Environment> {
  const cluster = await Cluster.start({ chart: false, controllerManager: true });
  try {
    const node = await startNode(cluster.controlPlane, log);
    const { workload } = await tools(['workload'], log);
    const { archive } = await buildTestImage(await programImage(WORKLOAD_IMAGE, workload));
    await node.load(archive);
    return { cluster, node };
  } catch (error) {
    await cluster.controlPlane.stop();
    throw error;
  }
}
