/**
 * Prints memory and CPU of the controller's pod on a real node, as its cgroup counts them, idle and while one of 200 pull
 * secrets changes every 20 ms: `npm run bench -- node`. The pod runs as the chart installs it, with the admission webhook. There
 * are 2,000 bindings.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { installChart, RELEASE } from '../../hack/testenv/controller.ts';
import { nodeProblem } from '../../hack/testenv/node/requirements.ts';
import { imageCredentialBindings } from '../../src/api/index.ts';
import { keyOf } from '../../src/object/object.ts';
import { type Binding, type Cluster, SECRETS } from '../support/cluster/cluster.ts';
import { PODS } from '../support/cluster/pods.ts';
import { loadController, log, rolledOut, startNodeCluster } from '../support/node.ts';
import { until } from '../support/until.ts';
import { TRIVY_SECRETS } from './estate/bare.ts';
import { type PullSecretPlace, prepareEstate } from './estate/estate.ts';
import { print } from './estate/figures.ts';
import { authIn, pullSecretData, sourceOf } from './estate/secrets.ts';
import { watching } from './estate/watching.ts';

const SIZE = { bindings: 2_000, secrets: 200 };
const EACH_MS = 20;
const ROTATIONS = 3;
/** What follows the last write: status of other bindings, and the collection of garbage. */
const SETTLE_MS = 30_000;
const IDLE_MS = 60_000;
const LONGEST_SECONDS = 600;
const MIB = 2 ** 20;

/** What a cgroup has used. */
interface Usage {
  /** Memory that cannot be reclaimed without effort, in MiB: what `kubectl top` shows. */
  readonly memory: number;
  /** CPU time since the start, in milliseconds. */
  readonly cpu: number;
}

const problem = await nodeProblem();
if (problem === undefined) await measure();
else print(`skipped: ${problem}`);

async function measure(): Promise<void> {
  const { cluster, node } = await startNodeCluster({ auditLog: false });
  await using _ = cluster;
  await loadController(node);
  const secrets = await prepareEstate(cluster, SIZE);
  await converge(cluster);
  const [pod] = (await cluster.client.list(PODS, { namespace: RELEASE })).items;
  const usage = () => usageOf((controller) => node.podCgroup(pod?.metadata.uid ?? '', controller));
  const bound = await usage();
  print(`the controller's pod with ${SIZE.bindings} bindings:`);
  print(
    `  all bound: ${bound.memory.toFixed(0)} MiB, ${(bound.cpu / 1_000).toFixed(1)} s of CPU since the start`,
  );
  await report('the first seconds after that', usage, () => delay(SETTLE_MS));
  await report('idle', usage, () => delay(IDLE_MS));
  const delivered = new Set<string>();
  await using _trivySecrets = await watching(cluster.client, TRIVY_SECRETS, (secret) => {
    delivered.add(`${sourceOf(secret)} ${authIn(secret)}`);
  });
  for (let rotation = 1; rotation <= ROTATIONS; rotation += 1) {
    const auth = btoa(`user:${rotation}`);
    await report(`rotation ${rotation}`, usage, async () => {
      await change(cluster, secrets, auth);
      const isDelivered = (place: PullSecretPlace) => delivered.has(`${keyOf(place)} ${auth}`);
      await until(() => secrets.every(isDelivered), 'each change to be delivered', 120);
    });
  }
}

/** Installs the chart, and waits until all scans are bound. */
async function converge(cluster: Cluster): Promise<void> {
  const bound = new Set<string>();
  await using _bindings = await watching<Binding>(
    cluster.client,
    { resource: imageCredentialBindings },
    ({ metadata: { namespace = '', name }, status }) => {
      if (status?.scans?.bound === 1) bound.add(keyOf({ namespace, name }));
    },
  );
  await installChart(cluster.controlPlane, log, ['replicas=1', 'admission.enabled=true']);
  await rolledOut(cluster);
  await until(() => bound.size === SIZE.bindings, 'all scans to be bound', LONGEST_SECONDS);
}

/** Changes one pull secret after another. */
async function change(cluster: Cluster, places: readonly PullSecretPlace[], auth: string): Promise<void> {
  const changes = places.map(async (place, index) => {
    await delay(index * EACH_MS);
    await cluster.client.patch(SECRETS, place, { data: pullSecretData(auth) });
  });
  await Promise.all(changes);
}

/** Prints what the pod uses while `work` runs. */
async function report(what: string, usage: () => Promise<Usage>, work: () => Promise<void>): Promise<void> {
  const [before, begun] = [await usage(), performance.now()];
  await work();
  const [after, milliseconds] = [await usage(), performance.now() - begun];
  const cpu = after.cpu - before.cpu;
  const share = ((cpu / milliseconds) * 1_000).toFixed(1);
  print(
    `  ${what}: ${after.memory.toFixed(0)} MiB; ${cpu.toFixed(0)} ms of CPU in ${(milliseconds / 1_000).toFixed(1)} s (${share}m)`,
  );
}

type FolderOf = (controller: string) => Promise<string>;

async function usageOf(folderOf: FolderOf): Promise<Usage> {
  const [memory, cpu] = [await folderOf('memory'), await folderOf('cpuacct')];
  const figures = await Promise.all([
    read(memory, 'memory.usage_in_bytes', 'memory.current'),
    read(memory, 'memory.stat'),
    read(cpu, 'cpuacct.usage', 'cpu.stat'),
  ]);
  const [used = '', statistics = '', time = ''] = figures;
  // With cgroup v1, only the lines with total_ include the containers.
  const inactive =
    /^total_inactive_file (?<bytes>\d+)$/m.exec(statistics) ??
    /^inactive_file (?<bytes>\d+)$/m.exec(statistics);
  const microseconds = /^usage_usec (?<value>\d+)$/m.exec(time)?.groups?.['value'];
  return {
    memory: (Number(used) - Number(inactive?.groups?.['bytes'] ?? 0)) / MIB,
    // Nanoseconds with cgroup v1.
    cpu: microseconds === undefined ? Number(time) / 1e6 : Number(microseconds) / 1e3,
  };
}

/** The content of the first of these files that exists. */
async function read(folder: string, ...names: readonly string[]): Promise<string> {
  for (const name of names) {
    const content = await readFile(join(folder, name), 'utf8').catch(() => undefined);
    if (content !== undefined) return content;
  }
  throw new Error(`expected ${names.join(' or ')} in ${folder}, found neither`);
}
