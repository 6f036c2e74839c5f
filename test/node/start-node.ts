/** Starts a node with a running pod, and prints `<directory> <cgroup>` then. It runs until it is killed. */
import { startControlPlane } from '../../hack/testenv/control-plane/control-plane.ts';
import { buildTestImage, programImage } from '../../hack/testenv/node/images.ts';
import { startNode } from '../../hack/testenv/node/node.ts';
import { tools } from '../../hack/testenv/tools/tools.ts';
import { until } from '../support/until.ts';

const IMAGE = 'localhost/app:1.0';

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

const controlPlane = await startControlPlane({ log, controllerManager: true });
const node = await startNode(controlPlane, log);
const { workload } = await tools(['workload'], log);
await node.load((await buildTestImage(await programImage(IMAGE, workload))).archive);
await controlPlane.kubectl(['run', 'app', `--image=${IMAGE}`]);
await until(
  async () => {
    const { stdout } = await controlPlane.kubectl(['get', 'pod', 'app', '--output=jsonpath={.status.phase}']);
    return stdout === 'Running';
  },
  'the pod to run',
  60,
);
process.stdout.write(`${controlPlane.directory} ${node.cgroup}\n`);
