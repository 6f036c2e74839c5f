import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { imageCredentialBindings } from '../../../src/api/index.ts';
import { amount } from '../../support/amount.ts';
import {
  CertificateFolder,
  createScan,
  grantAdmission,
  registerWebhook,
  secretOf,
  startAdmitting,
  untilCalled,
} from '../../support/cluster/admission.ts';
import { type Binding, Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';
import {
  type Applying,
  apply,
  applyAgainAndAgain,
  OPPONENT,
  writesOfScans,
} from '../../support/cluster/opponent.ts';
import { until } from '../../support/until.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };
/** How long another program applies the ScheduledScan every second. */
const SECONDS = amount(10, 120);

const ARGO: Applying = {
  manager: 'argocd-controller',
  annotations: { 'argocd.argoproj.io/tracking-id': 'apps:execution.securecodebox.io/ScheduledScan:x/scan' },
};

describe('a ScheduledScan that another program applies', () => {
  let cluster: Cluster;
  let certificates: CertificateFolder;

  before(async () => {
    cluster = await Cluster.start();
    await grantAdmission(cluster);
    certificates = await CertificateFolder.create(cluster, 'certificates');
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  async function withSecret(): Promise<TestNamespace> {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    return namespace;
  }

  it('is not written with the webhook, so the program finds neither a conflict nor a difference', async () => {
    const { ca } = await certificates.renew();
    const controller = await startAdmitting(cluster, certificates);
    await registerWebhook(cluster, { url: controller.webhook, ca });
    await untilCalled(cluster, controller);
    const namespace = await withSecret();
    const from = (await cluster.controlPlane.auditEvents()).length;
    await apply(cluster, namespace.name, ARGO);
    const { spec, metadata } = await namespace.rawScan('scan');
    await namespace.binding('app');
    const ready = await namespace.condition('app', 'Ready', 'True Ready');
    assert.equal(ready.status?.scans?.bound, 1);
    for (let second = 0; second < SECONDS; second += 1) {
      await apply(cluster, namespace.name, ARGO);
      await delay(1_000);
    }
    const present = await namespace.rawScan('scan');
    assert.deepEqual(present.spec, spec);
    assert.deepEqual(present.metadata.annotations, metadata.annotations);
    assert.deepEqual(await writesOfScans(cluster, namespace.name, from), []);
    assert.ok(secretOf(await createScan(cluster, namespace.name)));
    await controller.process.stop();
  });

  it('is not written with --bind scans, nor is any other ScheduledScan, and new Scans are bound', async () => {
    const { ca } = await certificates.renew();
    const controller = await startAdmitting(cluster, certificates, { flags: ['--bind', 'scans'] });
    await registerWebhook(cluster, { url: controller.webhook, ca });
    await untilCalled(cluster, controller);
    const namespace = await withSecret();
    await namespace.scan('other');
    await apply(cluster, namespace.name, ARGO);
    const from = (await cluster.controlPlane.auditEvents()).length;
    await namespace.binding('app');
    const { status } = await namespace.condition('app', 'Ready', 'True Ready');
    assert.deepEqual([status?.scans?.bound, status?.scans?.boundAtCreation], [2, 2]);
    assert.ok(secretOf(await createScan(cluster, namespace.name)));
    assert.deepEqual(await writesOfScans(cluster, namespace.name, from), []);
    await controller.process.stop();
  });

  it('makes the controller back off without the webhook, and the binding names the field manager', async () => {
    const controller = await cluster.startController();
    const namespace = await withSecret();
    await apply(cluster, namespace.name, OPPONENT);
    const from = (await cluster.controlPlane.auditEvents()).length;
    await namespace.binding('app');
    const opponent = applyAgainAndAgain(cluster, namespace.name, OPPONENT);
    const binding = await until(
      async () => {
        const found = await namespace.get<Binding>(imageCredentialBindings, 'app');
        const [reverted] = found?.status?.revertedWrites ?? [];
        return reverted !== undefined && reverted.reversions >= 5 ? found : undefined;
      },
      'the controller to back off',
      120,
    );
    // After the fifth reversion, the next write follows 20 seconds later.
    const before = (await writesOfScans(cluster, namespace.name, from)).length;
    await delay(10_000);
    assert.equal((await writesOfScans(cluster, namespace.name, from)).length, before);
    await opponent.stop();
    assert.equal(binding.status?.revertedWrites?.[0]?.fieldManager, 'opponent');
    const ready = binding.status?.conditions?.find(({ type }) => type === 'Ready');
    assert.equal(`${ready?.status} ${ready?.reason}`, 'False WritesReverted');
    assert.match(ready?.message ?? '', /field manager opponent reverts/);
    await controller.process.stop();
  });
});
