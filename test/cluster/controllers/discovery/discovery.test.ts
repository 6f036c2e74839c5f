import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RunningController } from '../../../../hack/testenv/controller.ts';
import { imageCredentialBindings, MANAGED_BY, MANAGED_BY_LABEL } from '../../../../src/api/index.ts';
import { type Binding, Cluster, settled, type TestNamespace } from '../../../support/cluster/cluster.ts';
import { createPod, PODS, type PodShape } from '../../../support/cluster/pods.ts';
import { until } from '../../../support/until.ts';

const ENABLED = 'auto-discovery.securecodebox.io/enabled';
const WORKLOADS = 'credentials.securecodebox.io/workloads';
const UNUSED_SINCE = 'credentials.securecodebox.io/unused-since';
const MARK = 'credentials.securecodebox.io/binding';
const AUTHS = { 'reg.example': { auth: btoa('user:pass') }, 'new.example': { auth: btoa('user:pass') } };
const OLD = 'reg.example/shop/app';
const NEW = 'new.example/shop/app';
const FLAGS = ['--discovery-grace', '5s', '--unused-secret-grace', '2s'];

describe('discovery on a real API server', () => {
  let cluster: Cluster;
  let controller: RunningController;

  before(async () => {
    cluster = await Cluster.start({
      values: ['config.discovery.enabled=true', 'config.discovery.markPods=true'],
    });
    controller = await start('enabled-per-namespace', '--mark-pods');
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  describe('of workloads', () => {
    it('creates a binding for each private image of a namespace that opts in, and marks its pods', async () => {
      const namespace = await cluster.namespace();
      await namespace.pullSecret('pull', AUTHS);
      await namespace.scan('scan', [`${OLD}:1.0`]);
      await pod(namespace, { name: 'web', deployment: 'web', image: `${OLD}:1.0`, secrets: ['pull'] });
      await pod(namespace, { name: 'public', deployment: 'public', image: 'nginx' });
      await settled(cluster);
      assert.deepEqual(await shown(namespace), {});
      await optIn(namespace);
      const binding = await discovered(namespace, OLD);
      assert.deepEqual(await shown(namespace), { [OLD]: 'pull' });
      assert.equal(binding.metadata.labels?.[MANAGED_BY_LABEL], MANAGED_BY);
      assert.equal(binding.metadata.annotations?.[WORKLOADS], 'Deployment/web/app');
      assert.equal((await namespace.bound('scan')).scan.metadata.annotations?.[MARK], binding.metadata.name);
      await until(
        async () =>
          (await namespace.get(PODS, 'web'))?.metadata.annotations?.[MARK] === binding.metadata.name,
        'the pod to be marked',
      );
      assert.equal((await namespace.get(PODS, 'public'))?.metadata.annotations?.[MARK], undefined);
    });

    it('writes nothing in a rollout of another version or after a restart', async () => {
      const namespace = await optedIn();
      await pod(namespace, { name: 'one', deployment: 'web', image: `${OLD}:1.0`, secrets: ['pull'] });
      await discovered(namespace, OLD);
      await settled(cluster);
      const from = (await cluster.controlPlane.auditEvents()).length;
      const digest = `sha256:${'1'.repeat(64)}`;
      for (const [index, version] of [':2.0', `@${digest}`, `:3.0@${digest}`].entries()) {
        const shape = { deployment: 'web', hash: `h${index}`, image: `${OLD}${version}`, secrets: ['pull'] };
        await pod(namespace, { ...shape, name: `web-${index}` });
        await namespace.delete(PODS, index === 0 ? 'one' : `web-${index - 1}`);
      }
      await settled(cluster);
      assert.deepEqual(
        (await bindingWrites(from)).map(({ verb }) => verb),
        [],
      );
      await restart('enabled-per-namespace', '--mark-pods');
      await settled(cluster);
      assert.deepEqual(
        (await bindingWrites(from)).map(({ verb }) => verb),
        [],
      );
    });

    it('follows changes of pull secrets, and yields to a binding that a user creates or takes over', async () => {
      const namespace = await optedIn();
      await pod(namespace, { name: 'one', deployment: 'web', image: OLD, secrets: ['pull'] });
      const { metadata } = await discovered(namespace, OLD);
      await pod(namespace, { name: 'two', deployment: 'api', image: OLD, secrets: ['spare', 'pull'] });
      await until(
        async () => (await shown(namespace))[OLD] === 'spare pull',
        'the binding to name the pull secrets of both pods',
      );
      await kubectl('label', 'icb', metadata.name, `${MANAGED_BY_LABEL}-`, '--namespace', namespace.name);
      await pod(namespace, { name: 'three', deployment: 'job', image: OLD, secrets: ['third'] });
      await settled(cluster);
      assert.deepEqual(await shown(namespace), { [OLD]: 'spare pull' });
      await namespace.delete(imageCredentialBindings, metadata.name);
      await until(
        async () => (await shown(namespace))[OLD] === 'spare pull third',
        'the binding to be discovered again',
      );
      await namespace.binding('mine', { image: OLD, imagePullSecrets: [{ name: 'mine' }] });
      await until(
        async () => (await bindings(namespace)).length === 1,
        'the discovered binding to be deleted',
      );
      assert.deepEqual(await shown(namespace), { [OLD]: 'mine' });
    });

    it('keeps a binding while a pod terminates on a lost node, and then for the grace period, even across a restart', async () => {
      const namespace = await optedIn();
      await pod(namespace, { name: 'one', deployment: 'web', image: OLD, secrets: ['pull'] });
      const { metadata } = await discovered(namespace, OLD);
      const spec = { containers: [{ name: 'app', image: OLD }], nodeName: 'gone' };
      await rawPod(namespace, 'ending', { spec });
      await pod(namespace, { name: 'two', deployment: 'api', image: NEW, secrets: ['pull'] });
      const other = await discovered(namespace, NEW);
      const unusedSince = async ({ name }: { readonly name: string }) =>
        (await namespace.get(imageCredentialBindings, name))?.metadata.annotations?.[UNUSED_SINCE];
      for (const name of ['one', 'ending', 'two']) await namespace.delete(PODS, name);
      await until(async () => unusedSince(other.metadata), 'the other binding to be marked as unused');
      assert.notEqual((await namespace.get(PODS, 'ending'))?.metadata.deletionTimestamp, undefined);
      assert.equal(await unusedSince(metadata), undefined);
      await kubectl('delete', 'pod', 'ending', '--force', '--namespace', namespace.name);
      const marked = await until(async () => unusedSince(metadata), 'the binding to be marked as unused');
      await restart('enabled-per-namespace', '--mark-pods');
      await until(async () => (await bindings(namespace)).length === 0, 'the binding to be deleted');
      const lasted = Date.now() - Date.parse(marked);
      assert.ok(lasted >= 5_000, `kept for ${lasted} ms: ${await controller.log()}`);
    });

    it('follows a workload that is migrated, and one that is migrated back', async () => {
      const namespace = await optedIn();
      await namespace.scan('scan', [`${OLD}:1.0`]);
      const old = { deployment: 'web', image: `${OLD}:1.0`, hash: 'one', secrets: ['pull'] };
      await pod(namespace, { ...old, name: 'old' });
      await discovered(namespace, OLD);
      await nextSecond();
      await pod(namespace, { ...old, name: 'new', image: `${NEW}:1.0`, hash: 'two', secrets: [] });
      await until(
        async () => (await shown(namespace))[NEW] === `replaces ${OLD}`,
        'the binding of the new image to replace the old one',
      );
      await yieldsWithoutAdvice(namespace, (await discovered(namespace, NEW)).metadata.name);
      await namespace.delete(PODS, 'old');
      await until(async () => (await bindings(namespace)).length === 1, 'the old binding to be deleted');
      await namespace.scan('scan', [`${NEW}:1.0`]);
      await nextSecond();
      await pod(namespace, { ...old, name: 'back' });
      await namespace.delete(PODS, 'new');
      const expected = { [OLD]: `pull replaces ${NEW}` };
      await until(
        async () => JSON.stringify(await shown(namespace)) === JSON.stringify(expected),
        'the binding of the old image to replace the new one',
      );
      await noEventAdvisesToDelete(namespace);
    });

    async function yieldsWithoutAdvice(namespace: TestNamespace, name: string): Promise<void> {
      const { status } = await namespace.condition(name, 'ScansBound', 'True Overridden');
      assert.match(JSON.stringify(status), /1 scan with another effective binding: .*; no action is needed/);
    }

    async function noEventAdvisesToDelete(namespace: TestNamespace): Promise<void> {
      await settled(cluster);
      const notes = (await events(namespace)).map(({ message }) => message);
      assert.ok(notes.some((note) => /with another effective binding/.test(note)));
      assert.deepEqual(
        notes.filter((note) => /Delete|narrow/.test(note)),
        [],
      );
    }
  });

  describe('with unusual pods and containers', () => {
    it('reports a pod that it cannot use in one Event, and discovers the other pods', async () => {
      const namespace = await optedIn();
      await pod(namespace, { name: 'odd', image: 'reg.example/UPPER:1', secrets: ['pull'] });
      await pod(namespace, { name: 'digest', image: `sha256:${'1'.repeat(64)}`, secrets: ['My_Secret'] });
      await pod(namespace, { name: 'fine', deployment: 'web', image: OLD, secrets: ['pull'] });
      await discovered(namespace, OLD);
      await restart('enabled-per-namespace', '--mark-pods');
      await settled(cluster);
      const reported = (await events(namespace))
        .filter(({ reason }) => reason === 'NotDiscovered')
        .map(({ involvedObject, message }) => `${involvedObject.name}: ${message}`)
        .sort();
      assert.equal(reported.length, 2, reported.join());
      assert.match(reported[0] ?? '', /^digest: .*without a repository.*not a valid Secret name/);
      assert.match(reported[1] ?? '', /^odd: .*Write it in lower case/);
    });

    it("discovers the images of init and ephemeral containers, and never as another version of a container's image", async () => {
      const namespace = await optedIn();
      const spec = {
        containers: [{ name: 'app', image: OLD }],
        initContainers: [{ name: 'init', image: 'reg.example/init' }],
        imagePullSecrets: [{ name: 'pull' }],
      };
      for (const [index, image] of [NEW, 'new.example/tools'].entries()) {
        await rawPod(namespace, `web-${index}`, { spec, owner: { kind: 'StatefulSet', name: 'web' } });
        const debug = ['debug', `web-${index}`, '--container=debug', `--image=${image}`];
        await kubectl(...debug, '--namespace', namespace.name);
        await nextSecond();
      }
      const expected = {
        [NEW]: 'pull',
        'new.example/tools': 'pull',
        'reg.example/init': 'pull',
        [OLD]: 'pull',
      };
      await until(
        async () => JSON.stringify(await shown(namespace)) === JSON.stringify(expected),
        'a binding for each image',
      );
      await settled(cluster);
      assert.deepEqual(await shown(namespace), expected);
      assert.equal(
        (await discovered(namespace, NEW)).metadata.annotations?.[WORKLOADS],
        'StatefulSet/web/debug',
      );
    });

    it('links the image name that the runtime reports for the same digest, if a scan uses that name', async () => {
      const namespace = await optedIn();
      await pod(namespace, { name: 'one', deployment: 'web', image: `${OLD}:1.0`, secrets: ['pull'] });
      await pod(namespace, { name: 'public', deployment: 'public', image: 'nginx' });
      const digest = `sha256:${'1'.repeat(64)}`;
      for (const [name, image] of [
        ['one', NEW],
        ['public', 'mirror.example/nginx'],
      ] as const) {
        const status = { name: 'app', image, imageID: `${image}@${digest}`, ready: true, restartCount: 0 };
        const place = { namespace: namespace.name, name };
        await cluster.client.patchStatus(PODS, place, { status: { containerStatuses: [status] } });
        await namespace.scan(name, [`${image}@${digest}`]);
      }
      await until(
        async () => (await shown(namespace))[OLD] === `pull replaces ${NEW}`,
        'the binding to replace the image name of the runtime',
      );
      await settled(cluster);
      assert.deepEqual(Object.keys(await shown(namespace)), [OLD]);
    });

    it('discovers the usable images of unusual pods, and reports each other object in one Event', async () => {
      const namespace = await optedIn();
      await createUnusualPods(namespace);
      await until(async () => (await bindings(namespace)).length === 103, 'a binding for each valid image');
      const greedy = await discovered(namespace, 'reg.example/greedy0');
      assert.equal(greedy.spec.imagePullSecrets.length, 16);
      await settled(cluster);
      for (const binding of await bindings(namespace))
        assert.match(binding.metadata.annotations?.[WORKLOADS] ?? '', /^Pod\/c\d+$/);
      const reported = (await events(namespace)).filter(({ reason }) => /NotDiscovered|TooMany/.test(reason));
      assert.deepEqual(
        reported.map(({ reason, involvedObject }) => `${reason} ${involvedObject.name}`).sort(),
        ['NotDiscovered wrong', `TooManyPullSecrets ${greedy.metadata.name}`],
      );
      assert.match(
        reported.find(({ reason }) => reason === 'TooManyPullSecrets')?.message ?? '',
        /^Pods name 20 pull secrets.*Left out: pull-16, pull-17, pull-18 and 1 more\. Name fewer/,
      );
      const from = (await cluster.controlPlane.auditEvents()).length;
      await pod(namespace, { name: 'next', deployment: 'web', image: 'reg.example/next', secrets: ['pull'] });
      await discovered(namespace, 'reg.example/next');
      await settled(cluster);
      assert.equal((await bindingWrites(from)).length, 1);
    });

    /**
     * Creates pods with too many pull secrets, with invalid images or with unusual owners. 103 of their images are
     * valid.
     */
    async function createUnusualPods(namespace: TestNamespace): Promise<void> {
      const imagePullSecrets = [{ name: 'pull' }];
      const containers = (image: string, count = 1) =>
        Array.from({ length: count }, (_, index) => ({ name: `c${index}`, image: `${image}${index}` }));
      const secrets = Array.from({ length: 20 }, (_, index) => ({ name: `pull-${index}` }));
      await rawPod(namespace, 'wrong', {
        spec: { containers: containers('reg.example/UPPER', 100), imagePullSecrets },
      });
      await rawPod(namespace, 'many', {
        spec: { containers: containers('reg.example/many/c', 100), imagePullSecrets },
      });
      await rawPod(namespace, 'greedy', {
        spec: { containers: containers('reg.example/greedy'), imagePullSecrets: secrets },
      });
      for (const [index, name] of ['web,Deployment/api', 'x'.repeat(300_000)].entries()) {
        const spec = { containers: containers(`reg.example/owned-${index}-`), imagePullSecrets };
        await rawPod(namespace, `owned-${index}`, { spec, owner: { kind: 'StatefulSet', name } });
      }
    }
  });

  describe('in each of its modes', () => {
    it('marks the pods of a migration once the last old pod is gone, and backs off if another client removes the marks', async () => {
      const namespace = await optedIn();
      const shape = { deployment: 'web', secrets: ['pull'] };
      const ready = async (image: string) => {
        const { metadata } = await discovered(namespace, image);
        await namespace.condition(metadata.name, 'Ready', 'True Ready');
        return metadata.name;
      };
      await pod(namespace, { ...shape, name: 'old', image: OLD });
      const old = await ready(OLD);
      await nextSecond();
      await until(async () => (await markOf(namespace, 'old')) === old, 'the old pod to be marked');
      await pod(namespace, { ...shape, name: 'new', image: NEW, hash: 'two' });
      const name = await ready(NEW);
      await settled(cluster);
      assert.equal(await markOf(namespace, 'new'), undefined);
      await namespace.delete(PODS, 'old');
      await until(async () => (await markOf(namespace, 'new')) === name, 'the new pod to be marked');
      const from = (await cluster.controlPlane.auditEvents()).length;
      await removeMarks(namespace, 'new', 9_000);
      const marks = (await cluster.writesOfController(from)).filter(
        ({ objectRef }) => objectRef?.resource === 'pods',
      );
      assert.ok(marks.length >= 3 && marks.length <= 12, `${marks.length} marks in 9 s`);
      await until(async () => (await markOf(namespace, 'new')) === name, 'the pod to be marked in the end');
    });

    it('writes no error to its log when a namespace is deleted', async () => {
      const namespace = await optedIn();
      await pod(namespace, { name: 'one', deployment: 'web', image: OLD, secrets: ['pull'] });
      const { metadata } = await discovered(namespace, OLD);
      await kubectl('delete', 'namespace', namespace.name, '--wait=false');
      await namespace.delete(imageCredentialBindings, metadata.name);
      await settled(cluster);
      assert.doesNotMatch(await controller.log(), /"level":50.*discovery/);
    });

    it('discovers what its mode selects: enabled pods only, or all pods', async () => {
      const [first, second] = [await cluster.namespace(), await optedIn()];
      for (const namespace of [first, second]) {
        await pod(namespace, {
          name: 'yes',
          image: OLD,
          secrets: ['pull'],
          annotations: { [ENABLED]: 'true' },
        });
        await pod(namespace, { name: 'no', image: NEW, secrets: ['pull'] });
        await pod(namespace, {
          ...{ name: 'own', image: 'reg.example/own', secrets: ['pull'], annotations: { [ENABLED]: 'true' } },
          labels: { [MANAGED_BY_LABEL]: 'securecodebox' },
        });
      }
      await until(
        async () => Object.keys(await shown(second)).length === 2,
        'both images of the second namespace',
      );
      for (const namespace of [first, second]) await removeBindings(namespace);
      await restart('enabled-per-resource');
      for (const namespace of [first, second]) {
        await removeBindings(namespace);
        await until(async () => `${Object.keys(await shown(namespace))}` === OLD, 'the enabled image');
      }
      await restart('all');
      await until(
        async () => `${Object.keys(await shown(first))}` === `${NEW},${OLD}`,
        'all images of the first namespace',
      );
    });

    it('counts pods and bindings', async () => {
      const text = await (await fetch(`${controller.url}/metrics`)).text();
      assert.match(text, /^icb_discovery_pods \d+$/m);
      assert.match(text, /^icb_discovery_bindings \d+$/m);
    });

    async function markOf(namespace: TestNamespace, pod: string): Promise<string | undefined> {
      return (await namespace.get(PODS, pod))?.metadata.annotations?.[MARK];
    }

    /** For this time, removes the mark of a pod whenever the pod has one. */
    async function removeMarks(namespace: TestNamespace, name: string, milliseconds: number): Promise<void> {
      const place = { namespace: namespace.name, name };
      const begun = performance.now();
      while (performance.now() - begun < milliseconds) {
        if ((await markOf(namespace, name)) !== undefined)
          await cluster.client.patch(PODS, place, { metadata: { annotations: { [MARK]: null } } });
      }
    }
  });

  async function start(mode: string, ...flags: readonly string[]): Promise<RunningController> {
    return cluster.startController('--discovery', mode, ...flags, ...FLAGS);
  }

  async function restart(mode: string, ...flags: readonly string[]): Promise<void> {
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
    controller = await start(mode, ...flags);
  }

  async function kubectl(...arguments_: readonly string[]) {
    return cluster.controlPlane.kubectl(arguments_);
  }

  async function pod(namespace: TestNamespace, shape: Omit<PodShape, 'namespace'>): Promise<void> {
    await createPod(cluster.client, { ...shape, namespace: namespace.name });
  }

  async function rawPod(
    namespace: TestNamespace,
    name: string,
    { spec, owner }: { spec: object; owner?: { readonly kind: string; readonly name: string } },
  ): Promise<void> {
    const ownerReferences = owner && [{ ...owner, apiVersion: 'apps/v1', uid: 'none', controller: true }];
    const pod = { metadata: { name, ...(ownerReferences && { ownerReferences }) }, spec };
    await namespace.put(PODS, pod);
  }

  async function events(namespace: TestNamespace) {
    const { stdout } = await kubectl('get', 'events', '--namespace', namespace.name, '--output', 'json');
    const { items } = JSON.parse(stdout) as {
      items: readonly { reason: string; message: string; involvedObject: { name: string } }[];
    };
    return items;
  }

  async function optIn(namespace: TestNamespace): Promise<void> {
    await kubectl('annotate', 'namespace', namespace.name, `${ENABLED}=true`);
  }

  async function optedIn(): Promise<TestNamespace> {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await optIn(namespace);
    return namespace;
  }

  async function bindings(namespace: TestNamespace): Promise<readonly Binding[]> {
    const { items } = await cluster.client.list(imageCredentialBindings, { namespace: namespace.name });
    return items as readonly Binding[];
  }

  async function removeBindings(namespace: TestNamespace): Promise<void> {
    for (const { metadata } of await bindings(namespace))
      await namespace.delete(imageCredentialBindings, metadata.name);
  }

  /** Maps each image to its pull secrets and to what it replaces. */
  async function shown(namespace: TestNamespace): Promise<Readonly<Record<string, string>>> {
    const all = (await bindings(namespace)).map(({ spec }) => {
      const secrets = spec.imagePullSecrets.map(({ name }) => name);
      return [
        spec.image,
        [...secrets, ...(spec.replaces ?? []).map((image) => `replaces ${image}`)].join(' '),
      ] as const;
    });
    return Object.fromEntries(all.sort());
  }

  async function discovered(namespace: TestNamespace, image: string): Promise<Binding> {
    return until(
      async () => (await bindings(namespace)).find(({ spec }) => spec.image === image),
      `a binding for ${image}`,
    );
  }

  async function bindingWrites(from: number) {
    const writes = await cluster.writesOfController(from);
    return writes.filter(
      ({ objectRef }) =>
        objectRef?.resource === 'imagecredentialbindings' && objectRef.subresource === undefined,
    );
  }
});

/** The creation timestamps of pods have a resolution of one second. */
async function nextSecond(): Promise<void> {
  const second = Math.floor(Date.now() / 1000);
  await until(() => Math.floor(Date.now() / 1000) > second, 'the next second');
}
