import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { tools } from '../../../hack/testenv/tools/index.ts';
import { HELD_ANNOTATION } from '../../../src/api/names.ts';
import { HeldScanResumer } from '../../../src/cli/unbind/held-scans.ts';
import { UnbindNamespaces } from '../../../src/cli/unbind/namespaces.ts';
import { KubeClient, Transport } from '../../../src/kube/index.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import { createScan, untilScan } from '../../support/cluster/admission.ts';
import { Cluster } from '../../support/cluster/cluster.ts';
import { until } from '../../support/until.ts';

const held = (name: string, mark: string) => ({
  metadata: { name, generateName: undefined, annotations: { [HELD_ANNOTATION]: mark } },
  spec: { suspend: true },
});
const isDecided = ({ metadata }: RawScan) => metadata.annotations?.[HELD_ANNOTATION] === undefined;

describe('held Scans', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start({ chart: false });
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  /** A client that may read Scans, and the function that lets it update them. */
  async function reader(namespace: string) {
    const kubectl = (...args: readonly string[]) =>
      cluster.controlPlane.kubectl([...args, '--namespace', namespace]);
    await kubectl('create', 'serviceaccount', 'someone');
    await kubectl(
      'create',
      'role',
      'reader',
      '--verb=get,list',
      '--resource=scans.execution.securecodebox.io',
    );
    await kubectl(
      'create',
      'rolebinding',
      'reader',
      '--role=reader',
      `--serviceaccount=${namespace}:someone`,
    );
    const config = new KubeConfig();
    config.loadFromFile(await cluster.controlPlane.kubeconfigFor({ namespace, name: 'someone' }));
    const transport = new Transport(config);
    const verb = { op: 'add', path: '/rules/0/verbs/-', value: 'update' };
    return {
      transport,
      client: new KubeClient({ transport, fieldManager: 'unbind' }),
      allowUpdates: () =>
        kubectl('patch', 'role', 'reader', '--type=json', '--patch', JSON.stringify([verb])),
    };
  }

  it('that unbind may not update are reported, each with what to do, until unbind has updated them', async () => {
    const { name } = await cluster.namespace();
    const resumed = await createScan(cluster, name, held('resumed', 'resume'));
    const suspended = await createScan(cluster, name, held('suspended', 'keep-suspended'));
    const { transport, client, allowUpdates } = await reader(name);
    const namespaces = new UnbindNamespaces(client, { kind: 'Namespaces', names: [name] });
    const resumer = new HeldScanResumer(client, namespaces, () => undefined);
    await resumer.run();
    const why = 'the API server refused the update: Forbidden (403)';
    assert.deepEqual(resumer.left.toSorted(), [
      `Scan ${name}/resumed is still suspended: ${why}; set its spec.suspend to false with kubectl`,
      `Scan ${name}/suspended still has the annotation ${HELD_ANNOTATION}: ${why}; remove the annotation with kubectl`,
    ]);
    await allowUpdates();
    // The API server learns of the new right a moment later.
    await until(async () => {
      await resumer.run();
      return resumer.left.length === 0;
    }, 'the Scans to be updated');
    await transport.close();
    assert.equal(resumer.count, 1);
    assert.equal((await untilScan(cluster, resumed, isDecided)).spec.suspend, false);
    assert.equal((await untilScan(cluster, suspended, isDecided)).spec.suspend, true);
  });

  it('are neither written nor counted if the controller has resumed them in the meantime', async () => {
    const { name } = await cluster.namespace();
    // More than unbind updates at the same time.
    const names = Array.from({ length: 9 }, (_, index) => `scan-${index}`);
    for (const scan of names) await createScan(cluster, name, held(scan, 'resume'));
    const patch = JSON.stringify({
      metadata: { annotations: { [HELD_ANNOTATION]: null } },
      spec: { suspend: false },
    });
    const { kubeconfig } = cluster.controlPlane;
    const { kubectl } = await tools(['kubectl'], () => undefined);
    const last = names.at(-1) ?? '';
    let isLastResumed = false;
    /** Runs after the first update, and lets nothing else run before it has finished. */
    const resumeLast = () => {
      if (isLastResumed) return;
      isLastResumed = true;
      const args = ['patch', 'scan', last, '--namespace', name, '--type=merge', '--patch', patch];
      execFileSync(kubectl, ['--kubeconfig', kubeconfig, ...args]);
    };
    const namespaces = new UnbindNamespaces(cluster.client, { kind: 'Namespaces', names: [name] });
    const resumer = new HeldScanResumer(cluster.client, namespaces, resumeLast);
    await resumer.run();
    assert.deepEqual([resumer.count, resumer.left], [8, []]);
  });
});
