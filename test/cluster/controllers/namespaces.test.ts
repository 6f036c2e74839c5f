import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { RELEASE, type RunningController, startController } from '../../../hack/testenv/controller.ts';
import { imageCredentialBindings } from '../../../src/api/index.ts';
import { type Binding, Cluster, secretNameOf, TestNamespace } from '../../support/cluster/cluster.ts';
import { Life } from '../../support/cluster/life.ts';
import { createPod } from '../../support/cluster/pods.ts';
import { refused, requestsOf } from '../../support/cluster/rights.ts';
import { until } from '../../support/until.ts';

const OURS = ['team-a', 'team-b'] as const;
const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };
const APP = 'reg.example/app';

describe('the controller with Roles for a list of namespaces', () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await Cluster.start({
      namespaces: [...OURS, 'team-c'],
      values: [
        `namespaces={${OURS.join(',')}}`,
        'config.discovery.enabled=true',
        'config.discovery.markPods=true',
      ],
      // Without streaming lists the controller lists in pages, which uses the rights to list.
      apiServerArgs: ['--feature-gates=WatchList=false'],
      lacksRights: true,
    });
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  it('works in the listed namespaces, and nowhere else', async () => {
    const leader = await start({}, ...OURS);
    const follower = await start({ keepLease: true, until: 'following' }, ...OURS);
    const elsewhere = await populate('team-c');
    await elsewhere.binding('app', { image: APP });
    const lives = OURS.map((name) => new Life(cluster.client, new TestNamespace(name, cluster), 'marking'));
    await Promise.all(
      lives.map(async (life) => {
        await life.prepare();
        await life.run();
      }),
    );

    const metrics = await (await fetch(`${leader.url}/metrics`)).text();
    assert.match(metrics, /icb_watch_state\{watch="imagecredentialbindings",state="Watching"\} 2$/m);
    assert.doesNotMatch(metrics, /team-c/);
    const ready = await (await fetch(`${leader.url}/readyz`)).text();
    assert.match(ready, /^ok, leading\n/);
    assert.match(ready, /^pods in team-a, team-b: Watching, last response \d+ s ago$/m);
    for (const each of [follower, leader])
      assert.deepEqual(await each.process.stop(), { code: 0, signal: null });

    const events = await requestsOf(cluster.controlPlane, leader, follower);
    assert.deepEqual(refused(events), []);
    assert.deepEqual([...Map.groupBy(events, ({ objectRef }) => objectRef?.namespace).keys()].sort(), [
      RELEASE,
      ...OURS,
    ]);
    const untouched = await elsewhere.get<Binding>(imageCredentialBindings, 'app');
    assert.equal(untouched?.status?.conditions, undefined);
    assert.equal(secretNameOf(await elsewhere.rawScan('scan')), undefined);
  });

  it('ignores a namespace until it has all rights there, and works in the others meanwhile', async () => {
    const controller = await start({}, ...OURS, 'team-c', 'absent');
    await assertIgnored(controller, ['team-c', 'absent']);
    const other = await populate('team-b', 'second');
    await other.binding('second', { image: 'reg.example/second' });
    await other.condition('second', 'Ready', 'True Ready');

    // All rights but those to Secrets. The controller must not report on objects that it cannot read.
    await grant('team-c', (resources) => !resources.includes('secrets'));
    await until(
      async () => /^imagecredentialbindings in .*team-c: Watching/m.test(await readiness(controller)),
      'the bindings of team-c to be followed',
      40,
    );
    const namespace = new TestNamespace('team-c', cluster);
    const present = await namespace.get<Binding>(imageCredentialBindings, 'app');
    await other.binding('third', { image: 'reg.example/third' });
    await other.condition('third', 'ScansBound', 'True NoScans');
    assert.equal(present?.status?.conditions, undefined);
    assert.deepEqual((await namespace.get<Binding>(imageCredentialBindings, 'app'))?.status, present?.status);

    await grant('team-c', () => true);
    await namespace.condition('app', 'Ready', 'True Ready', 40);
    await namespace.bound('scan');
    assert.deepEqual(await namespacesOf(controller, 'rights granted'), ['team-c']);
    assert.doesNotMatch(await readiness(controller), /team-c is skipped/);
    await assertRefusedOnce(controller);
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
  });

  async function assertIgnored(controller: RunningController, names: readonly string[]): Promise<void> {
    const lines = (await readiness(controller)).split('\n');
    const expected = names.map((name) => `${name} is skipped: no permission to list and watch in it`);
    assert.deepEqual(lines.slice(0, names.length + 1), ['ok, leading', ...expected]);
    assert.deepEqual(await namespacesOf(controller, 'no rights to list'), names);
  }

  /** The namespaces in log lines that begin with this text. */
  async function namespacesOf(controller: RunningController, begin: string): Promise<readonly unknown[]> {
    return (await logOf(controller))
      .filter(({ msg }) => msg.startsWith(begin))
      .map(({ namespace }) => namespace);
  }

  /** Each watch reports once that it is refused, however often it retries. */
  async function assertRefusedOnce(controller: RunningController): Promise<void> {
    const refusals = (await logOf(controller)).filter(({ msg }) =>
      msg.startsWith('list and watch are refused'),
    );
    const resources = refusals.map(({ resource }) => resource);
    assert.equal(new Set(resources).size, resources.length, resources.join());
  }

  it('is not ready if it has no rights at all, and names the lists that it waits for', async () => {
    const controller = await start({ until: 'serving' }, 'absent');
    const text = await until(async () => {
      const lines = await readiness(controller);
      return lines.includes('Waiting') && lines;
    }, 'the first refusal');
    assert.match(text, /^waiting for the list of imagecredentialbindings in absent; .*pods in absent$/m);
    assert.equal((await fetch(`${controller.url}/readyz`)).status, 503);
    await until(
      async () => (await controller.log()).includes('secrets is forbidden'),
      'a line that says what is forbidden',
    );
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
  });

  /** Creates a pull secret, a scan and a pod, for discovery or a user-created binding. */
  async function populate(name: string, repository = 'app'): Promise<TestNamespace> {
    const namespace = new TestNamespace(name, cluster);
    await namespace.pullSecret('pull', AUTHS);
    await namespace.scan('scan', [`reg.example/${repository}:1.0`]);
    const shape = { namespace: name, image: `reg.example/${repository}:1.0`, secrets: ['pull'] };
    await createPod(cluster.client, { ...shape, name: `${repository}-1`, deployment: repository });
    return namespace;
  }

  async function start(
    options: Parameters<typeof startController>[2],
    ...namespaces: readonly string[]
  ): Promise<RunningController> {
    const flags = ['--discovery', 'enabled-per-namespace', '--mark-pods', '--unused-secret-grace', '2s'];
    return startController(cluster.controlPlane, ['--namespaces', namespaces.join(','), ...flags], options);
  }

  /** Grants the ServiceAccount the chart's rules whose resources are wanted, in this namespace. */
  async function grant(namespace: string, wanted: (resources: readonly string[]) => boolean): Promise<void> {
    const { stdout } = await kubectl('get', `role/${RELEASE}`, '--namespace', 'team-a', '--output', 'json');
    const { rules } = JSON.parse(stdout) as { rules: readonly { readonly resources: readonly string[] }[] };
    const metadata = { name: 'granted', namespace };
    const apiGroup = 'rbac.authorization.k8s.io';
    const apiVersion = `${apiGroup}/v1`;
    const objects = [
      { apiVersion, kind: 'Role', metadata, rules: rules.filter(({ resources }) => wanted(resources)) },
      {
        ...{ apiVersion, kind: 'RoleBinding', metadata },
        roleRef: { apiGroup, kind: 'Role', name: metadata.name },
        subjects: [{ kind: 'ServiceAccount', name: RELEASE, namespace: RELEASE }],
      },
    ];
    for (const object of objects)
      await cluster.controlPlane.kubectl(['apply', '--filename', '-'], { input: JSON.stringify(object) });
  }

  async function readiness({ url }: RunningController): Promise<string> {
    return (await fetch(`${url}/readyz`)).text();
  }

  async function logOf(controller: RunningController) {
    const lines = (await controller.log()).trim().split('\n');
    return lines.map(
      (line) => JSON.parse(line) as { readonly msg: string; namespace?: string; resource?: string },
    );
  }

  async function kubectl(...args: readonly string[]) {
    return cluster.controlPlane.kubectl(args);
  }
});
