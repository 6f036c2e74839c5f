/**
 * Prints how long discovery takes from the start of the controller until all bindings exist, its writes per binding, and
 * its memory: `node test/bench/discovery.ts [pods]`. The default is 50,000 pods, whose creation takes minutes. Ten pods
 * share a Deployment. Times depend on this machine and its current load.
 */
import { type RunningController, startController } from '../../hack/testenv/controller.ts';
import { imageCredentialBindings } from '../../src/api/index.ts';
import { Cluster } from '../support/cluster/cluster.ts';
import { createPod } from '../support/cluster/pods.ts';
import { memoryOf, type ProcessMemory } from '../support/process.ts';
import { until } from '../support/until.ts';

const PODS = Number(process.argv[2] ?? 50_000);
const NAMESPACES = 50;
const PODS_EACH = 10;
const DEPLOYMENTS = PODS / PODS_EACH;
const AT_ONCE = 16;
const LONGEST_SECONDS = 900;
/** 60% of the 256 MiB that the chart gives a pod. */
const HEAP = { NODE_OPTIONS: '--max-old-space-size=154 --max-semi-space-size=8' };

await using cluster = await Cluster.start({
  values: ['config.discovery.enabled=true', 'config.discovery.resourceInclusion.mode=all'],
});
const namespaces = Array.from({ length: NAMESPACES }, (_, index) => `bench-${index}`);
for (const name of namespaces) await cluster.controlPlane.kubectl(['create', 'namespace', name]);

let next = 0;
let bytes = 0;
const created = performance.now();
await Promise.all(Array.from({ length: AT_ONCE }, createPods));
print(`${PODS} pods created in ${seconds(created)} s, ${(bytes / 1e6).toFixed(0)} MB of JSON`);

const started = performance.now();
const idle = await start('off');
const before = await memoryOf(idle.process.pid);
await idle.process.stop();

const begun = performance.now();
const controller = await start('all');
print(`pods listed and leading after ${seconds(begun)} s`);
const listed = await memoryOf(controller.process.pid);
await until(
  async () => (await metric('icb_discovery_bindings')) === DEPLOYMENTS,
  'a binding of each repository',
  LONGEST_SECONDS,
);
const took = (performance.now() - begun) / 1000;
print(`${DEPLOYMENTS} bindings after ${took.toFixed(1)} s: ${(PODS / took).toFixed(0)} pods per second`);
await until(
  async () => (await metric('icb_workqueue_depth')) === 0,
  'the queues to be empty',
  LONGEST_SECONDS,
);
const writes = (await cluster.writesOfController()).filter(
  ({ objectRef }) =>
    objectRef?.resource === imageCredentialBindings.plural && objectRef.subresource === undefined,
);
print(`writes of discovery per binding: ${(writes.length / DEPLOYMENTS).toFixed(3)}`);
const after = await memoryOf(controller.process.pid);
print(`resident ${memoryText(before)} without discovery`);
print(`resident ${memoryText(listed)} with all pods listed`);
print(`resident ${memoryText(after)} with all bindings; ${seconds(started)} s in total`);

async function start(mode: string): Promise<RunningController> {
  return startController(cluster.controlPlane, ['--discovery', mode], { env: HEAP });
}

async function createPods(): Promise<void> {
  for (let index = next++; index < PODS; index = next++) {
    const deployment = Math.floor(index / PODS_EACH);
    const pod = await createPod(cluster.client, {
      namespace: namespaces[deployment % NAMESPACES] ?? '',
      ...{ name: `app-${deployment}-7c9f8d6b5-${index}`, deployment: `app-${deployment}`, hash: '7c9f8d6b5' },
      image: `registry.example.com/team-${deployment % 50}/app-${deployment}:1.0`,
      secrets: [`pull-${deployment % 7}`],
    });
    bytes += JSON.stringify(pod).length;
  }
}

/** The sum of a metric over its labels. */
async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${controller.url}/metrics`)).text();
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\d+)$`, 'gm'))];
  return values.reduce((sum, [, value]) => sum + Number(value), 0);
}

function memoryText({ now, peak }: ProcessMemory): string {
  return `${now.toFixed(0)} MiB (peak ${peak.toFixed(0)})`;
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
