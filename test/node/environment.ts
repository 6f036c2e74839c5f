/** The parts that the tests of this folder share: a cluster with a node, and the chart. */
import { after } from 'node:test';
import { CHART } from '../../hack/root.ts';
import { installChart, RELEASE } from '../../hack/testenv/controller.ts';
import { nodeProblem } from '../../hack/testenv/node/requirements.ts';
import { tools } from '../../hack/testenv/tools/tools.ts';
import { loadController, log, type NodeCluster, rolledOut, startNodeCluster } from '../support/node.ts';

/** Why the tests are skipped on this machine; false: a node can run. */
export const skip: string | false = (await nodeProblem()) ?? false;

let started: Promise<NodeCluster> | undefined;
let loaded: Promise<void> | undefined;
let insecure: readonly string[] = [];

// Runs after all files if they run in one process, as with `npm run test:node`.
after(async () => (await started)?.cluster[Symbol.asyncDispose]());

/** Starts the cluster at the first call. */
export function environment(): Promise<NodeCluster> {
  started ??= startNodeCluster();
  return started;
}

/** Puts the controller's image on the node at the first call. */
export function controllerLoaded(): Promise<void> {
  loaded ??= environment().then(({ node }) => loadController(node));
  return loaded;
}

/** Runs Helm in the release's namespace. */
export async function helm(...args: readonly string[]): Promise<void> {
  const { controlPlane } = (await environment()).cluster;
  const programs = await tools(['helm'], log);
  const { code, stderr } = await controlPlane.group.run(programs.helm, [...args, '--namespace', RELEASE], {
    env: { KUBECONFIG: controlPlane.kubeconfig },
  });
  if (code !== 0) throw new Error(`helm ${args[0]} ended with ${code}: ${stderr}`);
}

/**
 * Installs the chart with discovery and the admission webhook, or upgrades it, and waits until its pod is ready. All files that
 * call this use one release.
 *
 * @param hosts - registries over plain HTTP
 */
export async function installController(hosts: readonly string[]): Promise<void> {
  await controllerLoaded();
  const { cluster } = await environment();
  const isInstalled = insecure.length > 0;
  insecure = [...insecure, ...hosts];
  const values = [
    'replicas=1',
    'admission.enabled=true',
    'config.discovery.enabled=true',
    'config.discovery.resourceInclusion.mode=all',
    'config.registries.checkInterval=1s',
    `config.registries.insecure={${insecure.join(',')}}`,
  ];
  if (isInstalled) await helm('upgrade', RELEASE, CHART, ...values.flatMap((value) => ['--set', value]));
  else await installChart(cluster.controlPlane, log, values);
  await rolledOut(cluster);
}
