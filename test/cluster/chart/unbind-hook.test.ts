import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CHART } from '../../../hack/root.ts';
import { RELEASE, type RunningController } from '../../../hack/testenv/controller.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { HELD_ANNOTATION } from '../../../src/api/names.ts';
import type { KubeObject } from '../../../src/object/object.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import { createScan, untilScan } from '../../support/cluster/admission.ts';
import { Cluster, SECRETS, secretNameOf, type TestNamespace } from '../../support/cluster/cluster.ts';
import { type Ran, runCommand } from '../../support/cluster/command.ts';
import { completeJob } from '../../support/cluster/complete-job.ts';
import { deletePod } from '../../support/cluster/pods.ts';
import { writeHelmWithoutWebhook } from '../../support/cluster/webhook-off.ts';
import { until } from '../../support/until.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };
const HOOK = `${RELEASE}-unbind`;
const HOOK_USER = `system:serviceaccount:${RELEASE}:${HOOK}`;

const isResumed = ({ spec, metadata }: RawScan) =>
  spec.suspend === false && metadata.annotations?.[HELD_ANNOTATION] === undefined;

interface Job {
  readonly metadata: { readonly resourceVersion: string };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly serviceAccountName: string;
        readonly containers: readonly { readonly args: readonly string[] }[];
      };
    };
  };
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const variants = [
  // The upgrade runs no hooks, because nothing runs the Job that registers the webhook.
  { title: 'of all namespaces, with the webhook', webhook: true, values: () => ['--no-hooks'] },
  {
    title: 'of a list of namespaces',
    webhook: false,
    values: (names: readonly string[]) => [
      ...['--set', 'admission.enabled=false', '--set', `namespaces={${names.join(',')}}`],
    ],
  },
];

for (const { title, webhook, values } of variants) {
  describe(`helm uninstall ${title}`, () => {
    let cluster: Cluster;
    let helm: string;
    let namespaces: readonly TestNamespace[];

    before(async () => {
      helm = (await tools(['helm'], (line) => process.stderr.write(`${line}\n`))).helm;
      // The controller lacks rights when it stops, because the chart is deleted before.
      cluster = await Cluster.start({ lacksRights: true });
      namespaces = [await cluster.namespace(), await cluster.namespace()];
    });
    after(async () => cluster?.[Symbol.asyncDispose]());

    const runHelm = async (...args: readonly string[]): Promise<Ran> => {
      const env = { KUBECONFIG: cluster.controlPlane.kubeconfig, PATH: dirname(helm) };
      return cluster.controlPlane.group.run(helm, [...args, '--namespace', RELEASE], { env });
    };
    const get = async (...args: readonly string[]) => {
      const { stdout } = await cluster.controlPlane.kubectl([
        ...['get', ...args, '--namespace', RELEASE, '--output', 'json', '--ignore-not-found'],
      ]);
      return stdout === '' ? undefined : (JSON.parse(stdout) as unknown);
    };

    it('has no hook if the values turn it off', async () => {
      const rendered = (...set: readonly string[]) =>
        runHelm('template', RELEASE, CHART, '--kube-version=1.30.0', '--set=admission.enabled=false', ...set);
      assert.match((await rendered()).stdout, /helm\.sh\/hook/);
      const { code, stdout } = await rendered('--set', 'uninstall.unbind=false');
      assert.equal(code, 0);
      assert.doesNotMatch(stdout, /helm\.sh\/hook|-unbind/);
    });

    it('unbinds all scans while the controller stops, with exactly the rights that it needs, and leaves nothing behind', async () => {
      const names = namespaces.map(({ name }) => name);
      const controller = await cluster.startControllerInPod('leader', '--lease-duration', '10m');
      const specs = await bindScans();
      const held = webhook ? await holdScan() : undefined;
      const upgraded = await runHelm('upgrade', RELEASE, CHART, '--reset-values', ...values(names));
      assert.equal(upgraded.code, 0, upgraded.stderr);

      const uninstalling = runHelm('uninstall', RELEASE, '--timeout', '120s');
      const job = (await until(() => get('job', HOOK), 'the Job of the hook')) as Job;
      const { containers, serviceAccountName } = job.spec.template.spec;
      // Nothing else of the release exists any longer, and its pods are terminating.
      assert.equal(await get('deployment', RELEASE), undefined);
      const rules = await rulesOfHook(names);
      assert.equal(serviceAccountName, HOOK);
      await runHookWhile(controller, containers[0]?.args ?? []);
      await completeJob(cluster.controlPlane, RELEASE, HOOK);
      const { code, stderr } = await uninstalling;
      assert.equal(code, 0, stderr);

      await assertReverted(specs);
      if (held !== undefined) await untilScan(cluster, held, isResumed);
      await assertUninstalled();
      await assertUsed(rules);
    });

    /** Binds a scan in each namespace. Returns the spec of each scan before that. */
    async function bindScans(): Promise<ReadonlyMap<TestNamespace, string>> {
      const specs = new Map<TestNamespace, string>();
      for (const namespace of namespaces) {
        await namespace.pullSecret('pull', AUTHS);
        await namespace.scan('scan');
        specs.set(namespace, JSON.stringify((await namespace.rawScan('scan')).spec));
        await namespace.binding('app');
        await namespace.bound('scan');
      }
      return specs;
    }

    /** Creates a Scan as the webhook holds it. This controller decides on no Scans. */
    async function holdScan(): Promise<RawScan> {
      return createScan(cluster, namespaces[0]?.name ?? '', {
        metadata: { annotations: { [HELD_ANNOTATION]: 'resume' } },
        spec: { suspend: true },
      });
    }

    /** Runs the hook's command as its Job would, while the controller stops. */
    async function runHookWhile(
      controller: RunningController & { readonly pod: KubeObject },
      args: readonly string[],
    ): Promise<void> {
      const kubeconfig = await cluster.controlPlane.kubeconfigFor({ namespace: RELEASE, name: HOOK });
      const releasing = runCommand(cluster.controlPlane, args, kubeconfig);
      await until(
        async () =>
          (await cluster.controlPlane.auditEvents()).some(
            ({ user, objectRef }) => user.username === HOOK_USER && objectRef?.resource === 'pods',
          ),
        'the hook to read the pod of the leader',
      );
      // The controller has already lost its rights, and cannot release its Lease, which lasts for longer than the Job. The
      // kubelet would delete the pod after the process has ended.
      await controller.process.stop();
      await deletePod(cluster.client, controller.pod);
      const { code, stdout, stderr } = await releasing;
      assert.equal(code, 0, stderr);
      const resumed = webhook ? 'resumed 1 held Scan\n' : '';
      assert.equal(stdout, `${resumed}unbound 2 ScheduledScans, deleted 2 Secrets\n`);
      assert.match(stderr, /^waiting for the controller ".+" to release the Lease/);
    }

    async function assertReverted(specs: ReadonlyMap<TestNamespace, string>): Promise<void> {
      for (const [namespace, before] of specs) {
        const scan = await namespace.rawScan('scan');
        assert.equal(JSON.stringify(scan.spec), before);
        assert.equal(secretNameOf(scan), undefined);
        const { items } = await cluster.client.list(SECRETS, { namespace: namespace.name });
        assert.deepEqual(
          items.map(({ metadata }) => metadata.name),
          ['pull'],
        );
      }
    }

    async function assertUninstalled(): Promise<void> {
      const kinds =
        'serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,networkpolicies,jobs,deployments,' +
        'services,secrets,mutatingwebhookconfigurations';
      const { stdout: left } = await cluster.controlPlane.kubectl([
        ...['get', kinds, '--all-namespaces', '--output', 'name'],
        ...['--selector', `app.kubernetes.io/instance=${RELEASE}`],
      ]);
      assert.equal(left, '');
    }

    /** The rights that the roles of the hook grant, each once: `verb resource.group`. */
    async function rulesOfHook(names: readonly string[]): Promise<readonly string[]> {
      const lists = [
        await get('role', HOOK),
        await get('clusterrole', HOOK),
        ...(await Promise.all(
          names.map(async (name) => {
            const { stdout } = await cluster.controlPlane.kubectl([
              ...['get', 'role', `${HOOK}-objects`, '--namespace', name, '--output', 'json'],
              '--ignore-not-found',
            ]);
            return stdout === '' ? undefined : JSON.parse(stdout);
          }),
        )),
      ] as readonly ({ readonly rules: readonly Rule[] } | undefined)[];
      const given = lists
        .flatMap((list) => list?.rules ?? [])
        .flatMap(({ apiGroups, resources, verbs }) =>
          apiGroups.flatMap((group) =>
            resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}.${group}`)),
          ),
        );
      return [...new Set(given)].sort();
    }

    async function assertUsed(rules: readonly string[]): Promise<void> {
      const audit = (await cluster.controlPlane.auditEvents()).filter(
        ({ user }) => user.username === HOOK_USER,
      );
      assert.ok(audit.every(({ responseStatus }) => responseStatus?.code !== 403));
      const used = audit.map(
        ({ verb, objectRef }) => `${verb} ${objectRef?.resource}.${objectRef?.apiGroup ?? ''}`,
      );
      assert.deepEqual([...new Set(used)].sort(), rules);
    }
  });
}

describe('helm uninstall with a terminating namespace in the list, and without a running controller', () => {
  it('reports the namespace, and lets the unbind command do what the Job could not start', async () => {
    const { helm } = await tools(['helm'], (line) => process.stderr.write(`${line}\n`));
    await using cluster = await Cluster.start({ lacksRights: true });
    const { controlPlane } = cluster;
    await writeHelmWithoutWebhook(controlPlane.directory, helm);
    const [active, terminating] = [await cluster.namespace(), await cluster.namespace()];
    const before = await bindAndStop(cluster, active);
    const runHelm = (...args: readonly string[]): Promise<Ran> =>
      controlPlane.group.run(join(controlPlane.directory, 'helm'), [...args, '--namespace', RELEASE], {
        env: { KUBECONFIG: controlPlane.kubeconfig, PATH: dirname(helm) },
      });
    const list = `namespaces={${active.name},${terminating.name}}`;
    const upgraded = await runHelm('upgrade', RELEASE, CHART, '--reset-values', '--set', list);
    assert.equal(upgraded.code, 0, upgraded.stderr);
    // Without kube-controller-manager the namespace keeps terminating.
    await controlPlane.kubectl(['delete', 'namespace', terminating.name, '--wait=false']);
    const uninstalled = await runHelm('uninstall', RELEASE, '--timeout', '60s');
    assert.equal(uninstalled.code, 1);
    assert.match(
      uninstalled.stderr,
      new RegExp(`unable to create new content in namespace ${terminating.name}`),
    );
    await active.bound('scan');

    const unbound = await runCommand(controlPlane, ['unbind', '-n', active.name]);
    assert.deepEqual(
      [unbound.code, unbound.stdout],
      [0, 'unbound 1 ScheduledScan, deleted 1 Secret\n'],
      unbound.stderr,
    );
    assert.equal(JSON.stringify((await active.rawScan('scan')).spec), before);
    await assertDeletable(cluster);
  });

  /** Lets a controller bind a scan, and stops it. Returns the spec of the scan before that. */
  async function bindAndStop(cluster: Cluster, namespace: TestNamespace): Promise<string> {
    await namespace.pullSecret('pull', AUTHS);
    await namespace.scan('scan');
    const before = JSON.stringify((await namespace.rawScan('scan')).spec);
    await namespace.binding('app');
    const controller = await cluster.startController();
    await namespace.bound('scan');
    await controller.process.stop();
    return before;
  }

  /** Asserts that the objects of the failed hook can be deleted as docs/uninstalling.md says. */
  async function assertDeletable({ controlPlane }: Cluster): Promise<void> {
    const kinds = 'serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings';
    const selector = ['--all-namespaces', '--selector', `app.kubernetes.io/instance=${RELEASE}`];
    await controlPlane.kubectl(['delete', kinds, ...selector]);
    const { stdout } = await controlPlane.kubectl(['get', kinds, ...selector, '--output', 'name']);
    assert.equal(stdout, '');
  }
});
