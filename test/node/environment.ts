/** What the tests of this folder share: a cluster with a node, and images. */
import { after } from 'node:test';
import { buildImage, sourceVersion } from '../../hack/image/image.ts';
import { CHART } from '../../hack/root.ts';
import { installChart, RELEASE } from '../../hack/testenv/controller.ts';
import { buildTestImage, programImage } from '../../hack/testenv/node/images.ts';
import { type ClusterNode, startNode } from '../../hack/testenv/node/node.ts';
import { nodeProblem } from '../../hack/testenv/node/requirements.ts';
import { tools } from '../../hack/testenv/tools/tools.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { Cluster } from '../support/cluster/cluster.ts';

/** Why the tests are skipped on this machine; false: a node can run. */
export const skip: string | false = (await nodeProblem()) ?? false;

/** Image of the program `workload`, on the node from the start. */
export const WORKLOAD_IMAGE = 'localhost/workload:1.0';

/** The image that the chart names by default. */
const CONTROLLER_IMAGE = `docker.io/securecodebox/image-credential-binding:${packageJson.version}`;

/** A cluster with a node. */
export interface Environment {
  readonly cluster: Cluster;
  readonly node: ClusterNode;
}

let started: Promise<Environment> | undefined;
let loaded: Promise<void> | undefined;
let release: readonly string[] | undefined;

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
  // When the chart is uninstalled, a controller that still runs has lost its rights.
  const cluster = await Cluster.start({ chart: false, controllerManager: true, lacksRights: true });
  try {
    const node = await startNode(cluster.controlPlane, log);
    const { workload } = await tools(['workload'], log);
    const { archive } = await buildTestImage(await programImage(WORKLOAD_IMAGE, workload));
    await node.load(archive);
    // The release's namespace allows only what Kubernetes' strictest standard allows.
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
export function loadController(): Promise<void> {
  loaded ??= (async () => {
    const { node } = await environment();
    const { archive } = await buildImage(CONTROLLER_IMAGE, await sourceVersion());
    await node.load(archive);
  })();
  return loaded;
}

/** Runs Helm. */
export async function helm(...args: readonly string[]): Promise<string> {
  const { cluster } = await environment();
  const { controlPlane } = cluster;
  const programs = await tools(['helm'], log);
  const { code, stdout, stderr } = await controlPlane.group.run(
    programs.helm,
    [...args, '--namespace', RELEASE],
    { env: { KUBECONFIG: controlPlane.kubeconfig } },
  );
  if (code !== 0) throw new Error(`helm ${args[0]} ended with ${code}: ${stderr}`);
  return stdout;
}

/**
 * Installs the chart with discovery, for tests that do not install it themselves, and waits until its pods are ready. All
 * files use one release.
 *
 * @param insecure - registries over plain HTTP
 */
export async function installController(insecure: readonly string[]): Promise<void> {
  await loadController();
  const { cluster } = await environment();
  const known = release ?? [];
  const registries = [...new Set([...known, ...insecure])];
  const values = [
    'replicas=1',
    'config.discovery.enabled=true',
    'config.discovery.resourceInclusion.mode=all',
    'config.registries.checkInterval=1s',
    `config.registries.insecure={${registries.join(',')}}`,
  ];
  if (release === undefined) await installChart(cluster.controlPlane, log, values);
  else
    await helm('upgrade', RELEASE, CHART, '--reuse-values', ...values.flatMap((value) => ['--set', value]));
  release = registries;
  await cluster.controlPlane.kubectl([
    ...['rollout', 'status', `deployment/${RELEASE}`, '--namespace', RELEASE, '--timeout=120s'],
  ]);
}
