import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { AuditEvent } from '../../../hack/testenv/control-plane/control-plane.ts';
import type { RunningController } from '../../../hack/testenv/controller.ts';
import { imageCredentialBindings } from '../../../src/api/index.ts';
import type { KubeObject } from '../../../src/object/object.ts';
import { type Binding, Cluster, settled } from '../../support/cluster/cluster.ts';
import { createPod, deletePod } from '../../support/cluster/pods.ts';
import { until } from '../../support/until.ts';

const SECONDS = 300;
const CHANGES_A_SECOND = 50;
/** Each churner changes workloads of its own, one after another, so that a slow response does not delay the others. */
const CHURNERS = 5;
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
  migrated: boolean;
  /** Whether a migration was started and reverted. */
  reverted: boolean;
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
      workloads.push({ index, namespace, image, version: 1, migrated: false, reverted: false, pods: [] });
    }
    await inParallel(workloads, async (workload) => {
      for (let pod = 0; pod < PODS_EACH; pod += 1) await add(workload);
    });
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  it('ends with exactly the expected bindings, and reverts none of its own writes', async (test) => {
    await until(async () => (await bindings()).length === REPOSITORIES, 'a binding for each repository', 120);
    const churners = Array.from({ length: CHURNERS }, (_, part) =>
      churn(workloads.filter(({ index }) => index % CHURNERS === part)),
    );
    const changes = (await Promise.all(churners)).reduce((sum, each) => sum + each);
    const wanted = workloads
      .map(({ namespace, image, index }) => `${namespace} ${image} pull-${index % 7}`)
      .sort();
    let found: readonly string[] = [];
    await until(
      async () => {
        found = (await bindings()).map(textOf).sort();
        return JSON.stringify(found) === JSON.stringify(wanted);
      },
      'the expected bindings',
      120,
    ).catch(() => assert.deepEqual(found, wanted));
    await settled(cluster);
    const writes = await writesByImage();
    const expected = new Map(workloads.flatMap(expectedWrites));
    const unexpected = [...new Set([...expected.keys(), ...writes.keys()])]
      .filter((key) => expected.get(key)?.test(writes.get(key) ?? '') !== true)
      .map((key) => `${key}: ${writes.get(key)} instead of ${expected.get(key)}`);
    assert.deepEqual(unexpected, []);
    const total = [...writes.values()].reduce((sum, verbs) => sum + verbs.split(' ').length, 0);
    const count = (what: 'migrated' | 'reverted') => workloads.filter((workload) => workload[what]).length;
    test.diagnostic(
      `${changes} changes of pods in ${SECONDS} s, ${count('migrated')} migrations, ${count('reverted')} reverted, ${total} writes of bindings`,
    );
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
  });

  /**
   * Changes pods of these workloads for a while. Resolves with the number of changes, once all started changes are
   * done.
   */
  async function churn(those: readonly Workload[]): Promise<number> {
    const begun = performance.now();
    let changes = 0;
    let pending: Change[] = [];
    while (performance.now() - begun < SECONDS * 1000 || pending.length > 0) {
      if (pending.length === 0) pending = next(those);
      const [change, ...rest] = pending;
      pending = rest;
      await change?.();
      changes += 1;
      const ahead = (changes / CHANGES_A_SECOND) * CHURNERS * 1000 - (performance.now() - begun);
      if (ahead > 0) await delay(ahead);
    }
    return changes;
  }

  /** The next changes of one of these workloads. */
  function next(those: readonly Workload[]): Change[] {
    const workload = those[Math.floor(Math.random() * those.length)];
    if (workload === undefined) return [];
    if (workload.pods.length === 0) return [() => add(workload)];
    const kinds: readonly (readonly [below: number, changes: () => Change[]])[] = [
      [0.1, () => migrate(workload)],
      [0.15, () => migrateAndRevert(workload)],
      [0.5, () => rollOut(workload)],
      [0.75, () => [() => remove(workload)]],
      [1, () => [() => add(workload)]],
    ];
    const dice = Math.random();
    return kinds.find(([below]) => dice < below)?.[1]() ?? [];
  }

  function rollOut(workload: Workload): Change[] {
    workload.version += 1;
    return workload.pods.slice(0, 3).flatMap(() => [() => add(workload), () => remove(workload)]);
  }

  function migrate(workload: Workload): Change[] {
    if (workload.migrated) return rollOut(workload);
    workload.migrated = true;
    workload.version += 1;
    workload.image = `new.example/migrated-${workload.index}`;
    return workload.pods.flatMap(() => [() => add(workload), () => remove(workload)]);
  }

  function migrateAndRevert(workload: Workload): Change[] {
    const { index, pods } = workload;
    if (workload.reverted) return rollOut(workload);
    workload.reverted = true;
    workload.version += 1;
    const coming = pods.map(() => () => add(workload, `new.example/reverted-${index}`));
    return [...coming, ...pods.map(() => () => remove(workload, workload.pods.pop()))];
  }

  async function add(workload: Workload, image = workload.image): Promise<void> {
    const { index, namespace, version } = workload;
    made += 1;
    const pod = await createPod(cluster.client, {
      ...{ namespace, name: `pod-${made}`, deployment: `web-${index}`, hash: `h${version}` },
      ...{ image: `${image}:${version}`, secrets: [`pull-${index % 7}`] },
    });
    workload.pods.push(pod);
  }

  /** Deletes the oldest pod by default. */
  async function remove(workload: Workload, pod = workload.pods.shift()): Promise<void> {
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

  /**
   * Maps namespace and image, without the generated suffix, to the writes in order. Each write is the verb, then `+` if
   * the binding replaces something, then what is wrong with its content.
   */
  async function writesByImage(): Promise<ReadonlyMap<string, string>> {
    const writes = Map.groupBy(
      (await cluster.writesOfController()).filter(isOfDiscovery),
      ({ objectRef }) => {
        const { namespace, name } = objectRef ?? {};
        return `${namespace} ${name?.replace(/-[0-9a-f]{8}$/, '')}`;
      },
    );
    return new Map([...writes].map(([key, each]) => [key, each.map(writeOf).join(' ')]));
  }
});

/**
 * Maps namespace and image to the writes that have a cause, in the form of `writesByImage`.
 * A binding gets `replaces` when it is created, unless the migration is over by then. It gets `replaces` a moment later if the
 * last old pod and the first new pod were created in the same second. `replaces` is removed when no pod is left for
 * which autodiscovery might create a scan. A migration that is reverted may be over before the controller observes it.
 */
function expectedWrites({ namespace, index, migrated, reverted }: Workload): (readonly [string, RegExp])[] {
  const expected = (image: string, writes: RegExp) => [`${namespace} ${image}-${index}`, writes] as const;
  return [
    expected('app', migrated ? /^create delete$/ : /^create$/),
    ...(migrated ? [expected('migrated', /^(?:create|create patch\+ patch|create\+ patch)$/)] : []),
    ...(reverted ? [expected('reverted', /^(?:|create\+? delete|create patch\+ delete)$/)] : []),
  ];
}

/** Whether a write changed what discovery writes of a binding. The API server refuses an outdated write with 409. */
function isOfDiscovery({ objectRef, responseStatus }: AuditEvent): boolean {
  const { resource, subresource } = objectRef ?? {};
  return resource === 'imagecredentialbindings' && subresource === undefined && responseStatus?.code !== 409;
}

function writeOf({ verb, responseObject }: AuditEvent): string {
  // The response to a create or patch is the object.
  return verb === 'delete' ? verb : `${verb}${contentOf(responseObject as Binding)}`;
}

/** Empty if the pull secrets and the workload are the expected ones of the image, which never change. */
function contentOf({ metadata, spec }: Binding): string {
  const index = Number(/\d+$/.exec(spec.image)?.[0]);
  const secrets = spec.imagePullSecrets.map(({ name }) => name).join();
  const workloads = metadata.annotations?.['credentials.securecodebox.io/workloads'];
  const isRight = secrets === `pull-${index % 7}` && workloads === `Deployment/web-${index}/app`;
  return `${spec.replaces === undefined ? '' : '+'}${isRight ? '' : `(${secrets} of ${workloads})`}`;
}

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
