import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { RELEASE } from '../../../hack/testenv/controller.ts';
import { BINDING_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL } from '../../../src/api/names.ts';
import { UnbindNamespaces } from '../../../src/cli/unbind/namespaces.ts';
import { ScanUnbinder } from '../../../src/cli/unbind/scans.ts';
import { KubeClient } from '../../../src/kube/client/client.ts';
import { Transport } from '../../../src/kube/client/transport.ts';
import { SCANS } from '../../../src/object/resources.ts';
import {
  Cluster,
  SCHEDULED_SCANS,
  SECRETS,
  secretNameOf,
  type TestNamespace,
} from '../../support/cluster/cluster.ts';
import { type Ran, runCommand } from '../../support/cluster/command.ts';
import { startFaultProxy } from '../../support/faults/index.ts';
import { until } from '../../support/until.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:Canary-7Hq2') } };
const CANARY = /Canary-7Hq2|Q2FuYXJ5/;
const EXTRACTION = {
  initContainers: [
    { name: 'secret-extraction-to-env', image: 'extractor', args: ['reg.example/app:1.0'] },
    { name: 'theirs', image: 'other' },
  ],
  volumes: [{ name: 'cache', emptyDir: {} }],
};

/** Number of users who create objects at the same time: more than `unbind` writes at once. */
const USERS = 12;

/** A transport to an API server on a port of this host. */
function transportTo(port: number): Transport {
  const config = new KubeConfig();
  const server = { name: 'odd', server: `http://127.0.0.1:${port}`, skipTLSVerify: true };
  config.loadFromClusterAndUser(server, { name: 'someone' });
  return new Transport(config);
}

describe('unbind', () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await Cluster.start();
  });
  // Otherwise the controllers of later tests would bind these scans again. The last test removes the CRD.
  afterEach(() =>
    cluster.controlPlane.kubectl(['delete', 'icb', '--all', '--all-namespaces']).catch(() => undefined),
  );
  after(async () => cluster?.[Symbol.asyncDispose]());

  /** Runs `unbind` with a Lease that no controller holds any longer. A flag can choose another Lease. */
  async function unbind(args: readonly string[], kubeconfig?: string): Promise<Ran> {
    const ran = await runCommand(
      cluster.controlPlane,
      ['unbind', '--lease-namespace', RELEASE, ...args],
      kubeconfig,
    );
    assert.doesNotMatch(ran.stdout + ran.stderr, CANARY);
    return ran;
  }

  /** Starts a controller, waits until it has bound the scans of the namespaces, and stops it. */
  async function bind(...namespaces: readonly TestNamespace[]): Promise<void> {
    const controller = await cluster.startController();
    for (const namespace of namespaces) {
      await namespace.pullSecret('pull', AUTHS);
      await namespace.binding('app');
      await namespace.bound('scan');
    }
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
  }

  /** A namespace with a scan that a controller has bound, and the original spec of the scan. */
  async function boundNamespace(): Promise<{ namespace: TestNamespace; before: string; secretName: string }> {
    const namespace = await cluster.namespace();
    await namespace.scan('scan', undefined, { scanSpec: EXTRACTION });
    const before = JSON.stringify((await namespace.rawScan('scan')).spec);
    await bind(namespace);
    return { namespace, before, secretName: (await namespace.bound('scan')).secretName };
  }

  async function assertReverted(namespace: TestNamespace, before: string, secretName: string): Promise<void> {
    const { spec, metadata } = await namespace.rawScan('scan');
    assert.equal(JSON.stringify(spec), before);
    assert.deepEqual(metadata.annotations ?? {}, {});
    assert.equal(await namespace.get(SECRETS, secretName), undefined);
  }

  /** Creates an unfinished Scan that mounts a Secret. */
  async function runningScan(namespace: TestNamespace, secretName: string): Promise<void> {
    const volumes = [{ name: 'image-credential-binding', secret: { secretName } }];
    const spec = { scanType: 'trivy-image', parameters: ['reg.example/app:1.0'], volumes };
    await namespace.put(SCANS, { metadata: { name: 'run' }, spec });
  }

  /** Waits until the API server has answered this many such requests of the command. */
  async function requested(
    wanted: string,
    resource: string,
    namespace: TestNamespace,
    times = 1,
  ): Promise<void> {
    await until(async () => {
      const events = await cluster.controlPlane.auditEvents();
      const requests = events.filter(
        ({ userAgent, verb, objectRef }) =>
          userAgent === 'unbind' &&
          verb === wanted &&
          objectRef?.resource === resource &&
          objectRef.namespace === namespace.name,
      );
      return requests.length >= times;
    }, `unbind to ${wanted} ${resource}`);
  }

  it('reverts scans to their original spec, deletes our Secrets, and writes nothing when it is repeated', async () => {
    const { namespace, before, secretName } = await boundNamespace();
    const foreign = { 'app.kubernetes.io/managed-by': 'image-credential-binding' };
    await namespace.put(SECRETS, { metadata: { name: 'theirs', labels: foreign }, type: 'Opaque' });
    const { code, stdout, stderr } = await unbind(['-n', namespace.name]);
    assert.deepEqual([code, stdout], [0, 'unbound 1 ScheduledScan, deleted 1 Secret\n']);
    assert.deepEqual(stderr.trimEnd().split('\n'), [
      `unbound ScheduledScan ${namespace.name}/scan`,
      `deleted Secret ${namespace.name}/${secretName}`,
    ]);
    await assertReverted(namespace, before, secretName);
    assert.ok(await namespace.get(SECRETS, 'theirs'));
    assert.ok(await namespace.get(SECRETS, 'pull'));
    const from = (await cluster.controlPlane.auditEvents()).length;
    const again = await unbind(['-n', namespace.name]);
    assert.deepEqual([again.code, again.stdout], [0, 'unbound 0 ScheduledScans, deleted 0 Secrets\n']);
    const writes = (await cluster.controlPlane.auditEvents())
      .slice(from)
      .filter(({ userAgent, verb }) => userAgent === 'unbind' && verb !== 'get' && verb !== 'list');
    assert.deepEqual(writes, []);
  });

  it('unbinds all namespaces page by page, or only the named namespaces', async () => {
    const [one, two, three] = [
      await cluster.namespace(),
      await cluster.namespace(),
      await cluster.namespace(),
    ];
    for (const namespace of [one, two, three]) await namespace.scan('scan');
    await bind(one, two, three);
    const first = await unbind(['-n', one.name, '-n', `${two.name},${one.name}`]);
    assert.deepEqual([first.code, first.stdout], [0, 'unbound 2 ScheduledScans, deleted 2 Secrets\n']);
    await three.bound('scan');
    const second = await unbind(['-A']);
    assert.deepEqual([second.code, second.stdout], [0, 'unbound 1 ScheduledScan, deleted 1 Secret\n']);
    assert.equal(secretNameOf(await three.rawScan('scan')), undefined);
  });

  it('fails without changes while a controller is the leader', async () => {
    const namespace = await cluster.namespace();
    await namespace.scan('scan');
    await bind(namespace);
    const controller = await cluster.startController();
    const { code, stderr, stdout } = await unbind(['-n', namespace.name, '--leader-timeout', '3s']);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^waiting for the controller ".+" to release the Lease/);
    assert.match(
      stderr,
      /error: expected no controller to be the leader, found the Lease .+ stop the controller first/,
    );
    await namespace.bound('scan');
    await controller.process.stop();
  });

  it('finds the Lease in the documented namespace by default, and waits until its holder stops', async () => {
    const namespace = await cluster.namespace();
    await namespace.scan('scan');
    const controller = await cluster.startController();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.binding('app');
    await namespace.bound('scan');
    const unbinding = runCommand(cluster.controlPlane, ['unbind', '-n', namespace.name]);
    await controller.process.stop();
    const { code, stdout } = await unbinding;
    assert.deepEqual([code, stdout], [0, 'unbound 1 ScheduledScan, deleted 1 Secret\n']);
    assert.equal(secretNameOf(await namespace.rawScan('scan')), undefined);
  });

  it('reports that a controller with another Lease binds the scans again', async () => {
    const namespace = await cluster.namespace();
    await namespace.scan('scan');
    const controller = await cluster.startController();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.binding('app');
    await namespace.bound('scan');
    const { code, stderr } = await unbind(['-n', namespace.name, '--lease-name', 'other']);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /the Lease image-credential-binding\/other does not exist, so no controller holds it/,
    );
    assert.match(
      stderr,
      /(?:bound again|created again): a controller is running; stop the controller, and run unbind again/,
    );
    await controller.process.stop();
    assert.equal((await unbind(['-n', namespace.name])).code, 0);
  });

  it('waits until a due run has started before it updates the scan', async () => {
    const { namespace, before, secretName } = await boundNamespace();
    const patch = (spec: object, ...subresource: readonly string[]) =>
      cluster.controlPlane.kubectl([
        ...['patch', 'scheduledscan', 'scan', '--namespace', namespace.name, '--type=merge', ...subresource],
        ...['--patch', JSON.stringify(spec)],
      ]);
    await patch({ spec: { suspend: false } });
    const unbinding = unbind(['-n', namespace.name]);
    await requested('get', 'scheduledscans', namespace);
    await namespace.bound('scan');
    await patch({ status: { lastScheduleTime: new Date().toISOString() } }, '--subresource=status');
    const { code, stderr } = await unbinding;
    assert.equal(code, 0, stderr);
    assert.match(stderr, new RegExp(`waiting for ScheduledScan ${namespace.name}/scan: its run is due`));
    await assertReverted(namespace, before.replace('"suspend":true', '"suspend":false'), secretName);
  });

  it('keeps a Secret that an unfinished Scan mounts until the Scan has finished', async () => {
    const { namespace, before, secretName } = await boundNamespace();
    await runningScan(namespace, secretName);
    const unbinding = unbind(['-n', namespace.name]);
    // The first list is for held Scans, and the second one for Scans that mount the Secret.
    await requested('list', 'scans', namespace, 2);
    assert.ok(await namespace.get(SECRETS, secretName));
    await cluster.client.patchStatus(
      SCANS,
      { namespace: namespace.name, name: 'run' },
      { status: { state: 'Done' } },
    );
    const { code, stderr } = await unbinding;
    assert.equal(code, 0, stderr);
    assert.match(stderr, new RegExp(`waiting to delete Secret .+: Scan ${namespace.name}/run mounts it`));
    await assertReverted(namespace, before, secretName);
  });

  it('deletes a mounted Secret when --scan-timeout expires, and names the Scan that mounts it', async () => {
    const { namespace, before, secretName } = await boundNamespace();
    await runningScan(namespace, secretName);
    const { code, stderr } = await unbind(['-n', namespace.name, '--scan-timeout', '1s']);
    assert.equal(code, 0, stderr);
    assert.match(stderr, new RegExp(`before Scan ${namespace.name}/run has finished: the Scan may fail`));
    await assertReverted(namespace, before, secretName);
  });

  it('retries after a conflict with another client, and after a connection that is cut', async () => {
    const { namespace, before, secretName } = await boundNamespace();
    await using proxy = await startFaultProxy(cluster.controlPlane, { seed: 1 });
    const kubeconfig = join(cluster.controlPlane.directory, 'unbind-proxy.kubeconfig');
    const text = await readFile(cluster.controlPlane.kubeconfig, 'utf8');
    await writeFile(kubeconfig, text.replace(cluster.controlPlane.server, proxy.url));
    const isScanWrite = ({ verb, resource }: { verb: string; resource: string }) =>
      verb === 'update' && resource === 'scheduledscans';
    const injected = [
      proxy.once({ kind: 'status', code: 409 }, isScanWrite),
      proxy.once({ kind: 'cut-after' }, isScanWrite),
      proxy.once(
        { kind: 'status', code: 409 },
        ({ verb, resource }) => verb === 'delete' && resource === 'secrets',
      ),
    ];
    const { code, stderr } = await unbind(['-n', namespace.name], kubeconfig);
    assert.equal(code, 0, stderr);
    await Promise.all(injected);
    await assertReverted(namespace, before, secretName);
  });

  describe('in a cluster with errors', () => {
    /** The kubeconfig of a new ServiceAccount without rights. */
    async function kubeconfigOfSomeone({ name: namespace }: TestNamespace): Promise<string> {
      const { controlPlane } = cluster;
      await controlPlane.kubectl(['create', 'serviceaccount', 'someone', '--namespace', namespace]);
      return controlPlane.kubeconfigFor({ namespace, name: 'someone' });
    }

    /** Lets an account, given as a flag of kubectl, read all Leases. */
    async function allowLeases(account: string): Promise<void> {
      const { controlPlane } = cluster;
      await controlPlane.kubectl([
        ...['create', 'clusterrole', 'lease-reader', '--verb=get', '--resource=leases.coordination.k8s.io'],
      ]);
      await controlPlane.kubectl([
        ...['create', 'clusterrolebinding', 'lease-reader', '--clusterrole=lease-reader', account],
      ]);
    }

    it('reports a scan whose update a policy refuses, unbinds the others, and exits with 1', async () => {
      const { namespace, secretName } = await boundNamespace();
      await namespace.scan('kept', undefined, { metadata: { labels: { keep: 'yes' } } });
      await bind(namespace);
      await namespace.bound('kept');
      const policy = {
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: ['execution.securecodebox.io'],
              apiVersions: ['v1'],
              operations: ['UPDATE'],
              resources: ['scheduledscans'],
            },
          ],
        },
        validations: [{ expression: "!has(object.metadata.labels) || !('keep' in object.metadata.labels)" }],
      };
      const objects = [
        { kind: 'ValidatingAdmissionPolicy', spec: policy },
        {
          kind: 'ValidatingAdmissionPolicyBinding',
          spec: { policyName: 'keep', validationActions: ['Deny'] },
        },
      ].map((object) => ({
        apiVersion: 'admissionregistration.k8s.io/v1',
        metadata: { name: 'keep' },
        ...object,
      }));
      const input = objects.map((object) => JSON.stringify(object)).join('\n');
      await cluster.controlPlane.kubectl(['apply', '--filename', '-'], { input });
      const place = { namespace: namespace.name, name: 'kept' };
      await until(
        () =>
          cluster.client.patch(SCHEDULED_SCANS, place, { metadata: { labels: { now: 'not' } } }).then(
            () => false,
            () => true,
          ),
        'the policy to take effect',
      );
      const { code, stdout, stderr } = await unbind(['-n', namespace.name]);
      await cluster.controlPlane.kubectl(['delete', '--filename', '-'], { input });
      assert.deepEqual([code, stdout], [1, 'unbound 1 ScheduledScan, deleted 1 Secret\n']);
      assert.match(
        stderr,
        new RegExp(
          `error: ScheduledScan ${namespace.name}/kept is still bound: the API server refused the update`,
        ),
      );
      assert.equal(secretNameOf(await namespace.rawScan('scan')), undefined);
      assert.equal(await namespace.get(SECRETS, secretName), undefined);
    });

    it('unbinds scans whose schedule or annotation cannot be read, and deletes the Secrets', async () => {
      const { namespace, before, secretName } = await boundNamespace();
      const schedules = {
        zone: { schedule: 'TZ=Nowhere 0 0 * * *' },
        endless: { interval: '1000000000000000000h' },
        never: { schedule: '0 0 31 2 *' },
      };
      const annotations = {
        'image-credential-binding/restore': '{"added":[],"imageText":7,"migrated":{"at":1e400}}',
      };
      for (const [name, schedule] of Object.entries(schedules)) {
        const spec = { suspend: false, interval: undefined, ...schedule };
        await namespace.scan(name, ['reg.example/other:1'], { spec, metadata: { annotations } });
        const place = { namespace: namespace.name, name };
        const status = { lastScheduleTime: new Date(Date.now() - 60_000).toISOString() };
        await cluster.client.patchStatus(SCHEDULED_SCANS, place, { status });
      }
      const { code, stdout, stderr } = await unbind(['-n', namespace.name]);
      assert.equal(code, 0, stderr);
      assert.equal(stdout, 'unbound 4 ScheduledScans, deleted 1 Secret\n');
      await assertReverted(namespace, before, secretName);
    });

    it('ends although users create bound ScheduledScans and Trivy Secrets all the time', async () => {
      const namespace = await cluster.namespace();
      const labels = { [MANAGED_BY_LABEL]: MANAGED_BY };
      const forge = async (index: number) => {
        await namespace.scan(`forged-${index}`, undefined, {
          metadata: { annotations: { [BINDING_ANNOTATION]: 'app' } },
        });
        const name = `trivy-pull-${String(index).padStart(10, '0')}`;
        await namespace.put(SECRETS, { metadata: { name, labels }, type: 'Opaque' });
      };
      await forge(0);
      let isOver = false;
      // Ends on its own, so that the test fails in the end.
      const forging = async (first: number) => {
        for (let index = first; !isOver && index < 3_000; index += USERS) await forge(index);
        return isOver;
      };
      const forged = Promise.all(Array.from({ length: USERS }, (_, user) => forging(user + 1)));
      const { code, stdout, stderr } = await unbind(['-n', namespace.name]);
      isOver = true;
      assert.ok((await forged).every(Boolean), 'unbind has ended before the users have');
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^unbound [1-9]\d* ScheduledScans?, deleted [1-9]\d* Secrets?\n$/);
    });

    it('skips an object that causes an unexpected error, reports it, and continues', async () => {
      const { namespace } = await boundNamespace();
      await namespace.scan('odd', ['reg.example/other:1']);
      const namespaces = new UnbindNamespaces(cluster.client, {
        kind: 'Namespaces',
        names: [namespace.name],
      });
      const names = await namespaces.list(SCHEDULED_SCANS, {}, ({ metadata: { name } }) => {
        if (name === 'odd') throw new RangeError('Invalid time value');
        return name;
      });
      assert.deepEqual(names, ['scan']);
      const [problem = '', ...others] = namespaces.problems;
      assert.match(
        problem,
        new RegExp(
          `ScheduledScan ${namespace.name}/odd was skipped: reading it failed with an unexpected RangeError`,
        ),
      );
      assert.deepEqual(others, []);

      // An API server with ScheduledScans that do not match secureCodeBox's CRD.
      await using server = createServer((_, response) =>
        response.end('{"metadata":{"name":"scan"},"spec":{}}'),
      );
      await once(server.listen(0, '127.0.0.1'), 'listening');
      // A TCP server that listens has an AddressInfo.
      const { port } = server.address() as AddressInfo;
      const transport = transportTo(port);
      const client = new KubeClient({ transport, fieldManager: 'unbind' });
      const scans = new ScanUnbinder(client, namespaces, () => undefined);
      await scans.run();
      await transport.close();
      assert.deepEqual(scans.left, [
        `ScheduledScan ${namespace.name}/scan is still bound: it could not be unbound: unexpected TypeError; correct the ` +
          'scan, report the error, and run unbind again',
      ]);
      assert.equal((await unbind(['-n', namespace.name])).code, 0);
    });

    it('reports a namespace that does not exist', async () => {
      const { code, stderr } = await unbind(['-n', 'nowhere']);
      assert.equal(code, 2);
      assert.match(
        stderr,
        /the namespace "nowhere" does not exist; correct --namespace \(list them with kubectl/,
      );
    });

    it('reports missing permissions, in all namespaces or in one of several', async () => {
      const { namespace, before, secretName } = await boundNamespace();
      const other = await cluster.namespace();
      const kubectl = (...args: readonly string[]) =>
        cluster.controlPlane.kubectl([...args, '--namespace', namespace.name]);
      const kubeconfig = await kubeconfigOfSomeone(namespace);
      const noLease = await unbind(['-n', namespace.name], kubeconfig);
      assert.equal(noLease.code, 2);
      assert.match(
        noLease.stderr,
        /expected permission to get the Lease .+; request a Role in that namespace/,
      );

      const account = `--serviceaccount=${namespace.name}:someone`;
      await allowLeases(account);
      const refused = await unbind(['-n', namespace.name], kubeconfig);
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, /expected permission to list, get and update scheduledscans/);
      const all = await unbind(['-A'], kubeconfig);
      assert.match(all.stderr, /in all namespaces; request a ClusterRole, or choose a namespace/);

      await kubectl(
        'create',
        'role',
        'all',
        '--verb=*',
        '--resource=secrets,scheduledscans.execution.securecodebox.io,scans.execution.securecodebox.io',
      );
      await kubectl('create', 'rolebinding', 'all', '--role=all', account);
      const part = await unbind(['-n', `${other.name},${namespace.name}`], kubeconfig);
      assert.deepEqual([part.code, part.stdout], [1, 'unbound 1 ScheduledScan, deleted 1 Secret\n']);
      assert.match(part.stderr, new RegExp(`error: namespace "${other.name}" was skipped: .*forbidden`));
      await assertReverted(namespace, before, secretName);
    });

    it('works in a namespace that is being deleted, and without CRDs', async () => {
      const ending = await boundNamespace();
      // The namespace stays in Terminating, because no kube-controller-manager runs.
      await cluster.controlPlane.kubectl(['delete', 'namespace', ending.namespace.name, '--wait=false']);
      const { code, stderr } = await unbind(['-n', ending.namespace.name]);
      assert.equal(code, 0, stderr);
      await assertReverted(ending.namespace, ending.before, ending.secretName);

      const { namespace, before, secretName } = await boundNamespace();
      const remove = (name: string) => cluster.controlPlane.removeCrds([name]);
      await remove('imagecredentialbindings.credentials.securecodebox.io');
      assert.equal((await unbind(['-A'])).code, 0);
      await assertReverted(namespace, before, secretName);
      await namespace.put(SECRETS, {
        metadata: { name: 'trivy-pull-0123456789', labels: { 'app.kubernetes.io/managed-by': RELEASE } },
        type: 'Opaque',
      });
      for (const name of ['scheduledscans', 'scans']) await remove(`${name}.execution.securecodebox.io`);
      const without = await unbind(['-A']);
      assert.deepEqual([without.code, without.stdout], [0, 'unbound 0 ScheduledScans, deleted 1 Secret\n']);
    });
  });
});
