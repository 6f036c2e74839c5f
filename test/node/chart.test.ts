import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CHART } from '../../hack/root.ts';
import { CONTROLLER_USER, RELEASE } from '../../hack/testenv/controller.ts';
import { collectionPath } from '../../src/kube/client/paths.ts';
import type { KubeObject, Resource } from '../../src/object/object.ts';
import { SCANS } from '../../src/object/resources.ts';
import type { RawScan } from '../../src/scan/raw-scan.ts';
import { createScan, secretOf } from '../support/cluster/admission.ts';
import { SECRETS, secretNameOf, type TestNamespace } from '../support/cluster/cluster.ts';
import { PODS } from '../support/cluster/pods.ts';
import { refusedTo } from '../support/cluster/rights.ts';
import type { NodeCluster } from '../support/node.ts';
import { until } from '../support/until.ts';
import { controllerLoaded, environment, helm, skip } from './environment.ts';
import type { Pod } from './scanner-pod.ts';

const LEASES: Resource = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease' };
const HOST = 'reg.example';
const TIMEOUT = ['--wait', '--timeout', '3m'];
/** Longer than it takes another pod to take over the Lease. */
const TAKE_OVER_SECONDS = 60;

describe('the chart on a real node, in a namespace that enforces the standard "restricted",', {
  skip,
}, () => {
  let shared: NodeCluster;
  let namespace: TestNamespace;
  let found: readonly string[];
  let passwords = 0;

  before(async () => {
    shared = await environment();
    await controllerLoaded();
    namespace = await shared.cluster.namespace();
    await namespace.pullSecret('pull', { [HOST]: { auth: btoa('user:first') } });
    await namespace.scan('scan');
    await namespace.binding('app');
    found = await until(async () => {
      const all = await objects();
      const accounts = [RELEASE, namespace.name].map((name) => `ServiceAccount ${name}/default`);
      return accounts.every((account) => all.includes(account)) && all;
    }, 'the service accounts');
  });

  /** All objects of the cluster, except Events and Leases of nodes. */
  async function objects(): Promise<readonly string[]> {
    const { controlPlane } = shared.cluster;
    const kinds = await controlPlane.kubectl(['api-resources', '--verbs=list', '--output=name']);
    const names = kinds.stdout.trim().split('\n');
    const wanted = names.filter((name) => !/^(?:events|componentstatuses)\b/.test(name));
    const format = '{range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{"\\n"}{end}';
    const { stdout } = await controlPlane.kubectl([
      'get',
      wanted.join(','),
      '--all-namespaces',
      `--output=jsonpath=${format}`,
    ]);
    const all = stdout.trim().split('\n');
    return all.filter((object) => !object.startsWith('Lease kube-node-lease/')).toSorted();
  }

  async function pods(): Promise<readonly Pod[]> {
    const labelSelector = `app.kubernetes.io/name=${RELEASE}`;
    const { items } = await shared.cluster.client.list(PODS, { namespace: RELEASE, labelSelector });
    // The API server returns pods.
    return items as readonly Pod[];
  }

  async function readyPods(): Promise<readonly Pod[]> {
    return (await pods()).filter(({ status }) =>
      status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True'),
    );
  }

  /** Changes the password in the pull secret, and waits until the Trivy Secret contains it. */
  async function assertDelivers(): Promise<void> {
    passwords += 1;
    const auth = btoa(`user:password-${passwords}`);
    await namespace.pullSecret('pull', { [HOST]: { auth } });
    await until(
      async () => {
        const { secretName } = await namespace.bound('scan');
        return JSON.stringify(await namespace.trivyConfig(secretName)).includes(auth);
      },
      'the new password in the Trivy Secret',
      TAKE_OVER_SECONDS,
    );
  }

  async function leader(): Promise<Pod> {
    return until(async () => {
      const place = { namespace: RELEASE, name: RELEASE };
      const lease = (await shared.cluster.client.get(LEASES, place)) as KubeObject & {
        readonly spec: { readonly holderIdentity?: string };
      };
      const { holderIdentity = '' } = lease.spec;
      return (await pods()).find(({ metadata }) => holderIdentity.includes(metadata.name));
    }, 'a leader');
  }

  /** Creates Scans one after another until `work` is done, and no other pod is left. Asserts that all of them were bound. */
  async function assertBoundWhile(work: () => Promise<void>): Promise<void> {
    const scans: RawScan[] = [];
    let isDone = false;
    const creating = (async () => {
      while (!isDone || (await pods()).length > 2) {
        scans.push(await createScan(shared.cluster, namespace.name));
        await delay(50);
      }
    })();
    await work().finally(() => {
      isDone = true;
    });
    await creating;
    const unbound = scans.filter((scan) => secretOf(scan) === undefined);
    assert.deepEqual(unbound, [], `of ${scans.length} Scans`);
  }

  it('installs, both replicas become ready, and a Job makes the API server call them for a Scan', async () => {
    await helm('install', RELEASE, CHART, ...TIMEOUT);
    assert.equal((await readyPods()).length, 2);
    await assertDelivers();
    await until(
      async () => secretOf(await createScan(shared.cluster, namespace.name)) !== undefined,
      'the API server to know the webhook',
    );
    assert.equal((await pods()).length, 2, 'Helm has deleted the Job');
  });

  it('binds all new Scans during a rolling upgrade, and then delivers credentials again', async () => {
    const old = new Set((await pods()).map(({ metadata }) => metadata.uid));
    let fewest = 2;
    let upgraded = false;
    const watching = (async () => {
      while (!upgraded) fewest = Math.min(fewest, (await readyPods()).length);
    })();
    try {
      await assertBoundWhile(() =>
        helm('upgrade', RELEASE, CHART, '--set', 'config.logLevel=debug', ...TIMEOUT),
      );
    } finally {
      upgraded = true;
      await watching;
    }
    assert.equal(fewest, 2, 'two pods are always ready');
    assert.equal((await readyPods()).filter(({ metadata }) => !old.has(metadata.uid)).length, 2);
    await assertDelivers();
  });

  it('delivers credentials again after a rollback', async () => {
    await helm('rollback', RELEASE, '1', ...TIMEOUT);
    await assertDelivers();
  });

  it('delivers credentials again after the process of the leader is killed', async () => {
    const { metadata } = await leader();
    const restarts = async () => {
      const pod = (await pods()).find(({ metadata: { uid } }) => uid === metadata.uid);
      return pod?.status?.containerStatuses?.[0]?.restartCount ?? 0;
    };
    assert.equal(await restarts(), 0);
    for (const pid of await shared.node.processes(metadata.uid ?? '')) {
      if (await isController(pid)) process.kill(pid, 'SIGKILL');
    }
    await assertDelivers();
    await until(async () => (await restarts()) === 1, 'the kubelet to restart the container', 60);
    await until(async () => (await readyPods()).length === 2, 'both pods to be ready', 60);
  });

  it('continues in the same containers while the kubelet is restarted', async () => {
    const containers = async () =>
      (await pods()).map(({ status }) => status?.containerStatuses?.[0]?.containerID).toSorted();
    const running = await containers();
    await shared.node.restartKubelet();
    await assertDelivers();
    assert.deepEqual(await containers(), running);
    assert.equal((await readyPods()).length, 2);
  });

  it('leaves only its Lease behind when it is uninstalled', async () => {
    assert.deepEqual(await refusedTo(CONTROLLER_USER, shared.cluster.controlPlane), []);
    const { secretName } = await namespace.bound('scan');
    // Nothing runs them, so the Job would wait until they have finished.
    await shared.cluster.controlPlane.kubectl(['delete', `--raw=${collectionPath(SCANS, namespace.name)}`]);
    await helm('uninstall', RELEASE, ...TIMEOUT);
    assert.equal(secretNameOf(await namespace.rawScan('scan')), undefined);
    assert.equal(await namespace.get(SECRETS, secretName), undefined);
    let left: readonly string[] = [];
    await until(
      async () => {
        left = (await objects()).filter((object) => !found.includes(object));
        return left.length <= 1;
      },
      'the objects of the release to be gone',
      60,
    ).catch(() => undefined);
    // The controller created it, as all leader elections do. Helm does not know it.
    assert.deepEqual(left, [`Lease ${RELEASE}/${RELEASE}`]);
  });
});

async function isController(pid: number): Promise<boolean> {
  const command = await readFile(join('/proc', String(pid), 'cmdline'), 'utf8').catch(() => '');
  return command.startsWith('/nodejs/bin/node\0');
}
