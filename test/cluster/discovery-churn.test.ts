import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunningController } from '../../hack/controller.ts';
import { imageCredentialBindings } from '../../src/api/index.ts';
import type { KubeObject } from '../../src/kube/index.ts';
import { until } from '../until.ts';
import { type Binding, Cluster, settled } from './cluster.ts';
import { createPod, deletePod } from './pods.ts';

const SECONDS = Number(process.env['CHURN_SECONDS'] ?? 30);
const CHANGES_A_SECOND = 50;
const NAMESPACES = 20;
const REPOSITORIES = 500;
const PODS_EACH = 10;
const AT_ONCE = 12;

/** A Deployment with an image of its own. */
interface Workload {
  readonly index: number;
  readonly namespace: string;
  image: string;
  version: number;
  moved: boolean;
  pods: KubeObject[];
}

type Change = () => Promise<void>;

describe(`discovery while pods come and go for ${SECONDS} s`, () => {
  let cluster: Cluster;
  let controller: RunningController;
  const workloads: Workload[] = [];
  let made = 0;

  before(async () => {
    cluster = await Cluster.start({
      values: ['config.discovery.enabled=true', 'config.discovery.resourceInclusion.mode=all'],
    });
    for (let index = 0; index < NAMESPACES; index += 1)
      await cluster.controlPlane.kubectl(['create', 'namespace', `churn-${index}`]);
    controller = await cluster.startController('--discovery', 'all', '--discovery-grace', '24h');
    for (let index = 0; index < REPOSITORIES; index += 1) {
      const namespace = `churn-${index % NAMESPACES}`;
      const image = `old.example/app-${index}`;
      workloads.push({ index, namespace, image, version: 1, moved: false, pods: [] });
    }
    await inParallel(workloads, async (workload) => {
      for (let pod = 0; pod < PODS_EACH; pod += 1) await add(workload);
    });
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  it('ends with exactly the right bindings, and wrote nothing that it undid', async (test) => {
    await until(async () => (await bindings()).length === REPOSITORIES, 'a binding of each repository', 120);
    const changes = await churn();
    const wanted = workloads
      .map(({ namespace, image, index }) => `${namespace} ${image} pull-${index % 7}`)
      .sort();
    let found: readonly string[] = [];
    await until(
      async () => {
        found = (await bindings()).map(textOf).sort();
        return JSON.stringify(found) === JSON.stringify(wanted);
      },
      'the right bindings',
      120,
    ).catch(() => assert.deepEqual(found, wanted));
    await settled(cluster);
    const writes = await writesByImage();
    const moved = workloads.filter((workload) => workload.moved);
    // What it replaces is written when it is made, unless the move is over by then, or a moment later where the last old and
    // the first new pod are of the same second; and taken out when no pod is left for which autodiscovery might make a scan.
    const expected = new Map<string, RegExp>();
    for (const { namespace, index } of workloads) expected.set(`${namespace} app-${index}`, /^create$/);
    for (const { namespace, index } of moved) {
      expected.set(`${namespace} app-${index}`, /^create delete$/);
      expected.set(`${namespace} moved-${index}`, /^create( patch){0,2}$/);
    }
    const unexpected = [...new Set([...expected.keys(), ...writes.keys()])]
      .filter((key) => expected.get(key)?.test(writes.get(key) ?? '') !== true)
      .map((key) => `${key}: ${writes.get(key)} instead of ${expected.get(key)}`);
    assert.deepEqual(unexpected, []);
    const total = [...writes.values()].reduce((sum, verbs) => sum + verbs.split(' ').length, 0);
    test.diagnostic(`${changes} changes of pods, ${moved.length} moves, ${total} writes of bindings`);
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
  });

  /** Changes pods for a while; resolves with how often when all that was begun is done. */
  async function churn(): Promise<number> {
    const begun = performance.now();
    let changes = 0;
    let pending: Change[] = [];
    while (performance.now() - begun < SECONDS * 1000 || pending.length > 0) {
      if (pending.length === 0) pending = next();
      const [change, ...rest] = pending;
      pending = rest;
      await change?.();
      changes += 1;
      const ahead = (changes / CHANGES_A_SECOND) * 1000 - (performance.now() - begun);
      if (ahead > 0) await delay(ahead);
    }
    return changes;
  }

  /** What happens next to some workload. */
  function next(): Change[] {
    const workload = workloads[Math.floor(Math.random() * workloads.length)];
    if (workload === undefined) return [];
    const kind = Math.random();
    if (kind < 0.1 && !workload.moved) return move(workload);
    if (kind < 0.5) return rollOut(workload);
    if (kind < 0.75 && workload.pods.length > 0) return [() => remove(workload)];
    return [() => add(workload)];
  }

  function rollOut(workload: Workload): Change[] {
    workload.version += 1;
    return workload.pods.slice(0, 3).flatMap(() => [() => add(workload), () => remove(workload)]);
  }

  function move(workload: Workload): Change[] {
    if (workload.pods.length === 0) return [];
    workload.moved = true;
    workload.version += 1;
    workload.image = `new.example/moved-${workload.index}`;
    return workload.pods.flatMap(() => [() => add(workload), () => remove(workload)]);
  }

  async function add(workload: Workload): Promise<void> {
    const { index, namespace, image, version } = workload;
    made += 1;
    const pod = await createPod(cluster.client, {
      ...{ namespace, name: `pod-${made}`, deployment: `web-${index}`, hash: `h${version}` },
      ...{ image: `${image}:${version}`, secrets: [`pull-${index % 7}`] },
    });
    workload.pods.push(pod);
  }

  /** The oldest goes. */
  async function remove(workload: Workload): Promise<void> {
    const pod = workload.pods.shift();
    if (pod !== undefined) await deletePod(cluster.client, pod);
  }

  async function bindings(): Promise<readonly Binding[]> {
    const found: KubeObject[] = [];
    let next: string | undefined;
    do {
      const page = await cluster.client.list(imageCredentialBindings, {}, next);
      found.push(...page.items);
      next = page.next;
    } while (next !== undefined);
    return found as readonly KubeObject[] as readonly Binding[];
  }

  /** Namespace and image, without what is made up → verbs in their order. */
  async function writesByImage(): Promise<ReadonlyMap<string, string>> {
    const verbs = new Map<string, string[]>();
    for (const { verb, objectRef } of await cluster.writesOfController()) {
      const { resource, subresource, namespace = '', name = '' } = objectRef ?? {};
      if (resource !== 'imagecredentialbindings' || subresource !== undefined) continue;
      const key = `${namespace} ${name.replace(/-[0-9a-f]{8}$/, '')}`;
      verbs.set(key, [...(verbs.get(key) ?? []), verb]);
    }
    return new Map([...verbs].map(([key, each]) => [key, each.join(' ')] as const).sort());
  }
});

function textOf({ metadata, spec }: Binding): string {
  const secrets = spec.imagePullSecrets.map(({ name }) => name);
  return [
    metadata.namespace,
    spec.image,
    ...secrets,
    ...(spec.replaces ?? []).map((each) => `replaces ${each}`),
  ].join(' ');
}

async function inParallel<Item>(items: readonly Item[], run: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await run(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
