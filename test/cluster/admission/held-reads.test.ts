import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CONTROLLER_USER } from '../../../hack/testenv/controller.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import { amount } from '../../support/amount.ts';
import {
  type AdmittingController,
  CertificateFolder,
  createScan,
  grantAdmission,
  metric,
  registerWebhook,
  secretOf,
  startAdmitting,
  untilCalled,
  untilScan,
} from '../../support/cluster/admission.ts';
import { Cluster } from '../../support/cluster/cluster.ts';
import { until } from '../../support/until.ts';

const SCANS = amount(20, 1_000);
const CHANGES = 3;

const isResumed = (scan: RawScan) => scan.spec.suspend === false;

describe('Scans that wait for a credential', () => {
  let cluster: Cluster;
  let controller: AdmittingController;

  before(async () => {
    cluster = await Cluster.start();
    await grantAdmission(cluster);
    const certificates = await CertificateFolder.create(cluster, 'certificates');
    const { ca } = await certificates.renew();
    controller = await startAdmitting(cluster, certificates);
    await registerWebhook(cluster, { url: controller.webhook, ca });
    await untilCalled(cluster, controller);
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  /** How many requests the controller has sent about single Scans of a namespace. */
  async function requests(namespace: string, verb: string): Promise<number> {
    const events = await cluster.controlPlane.auditEvents();
    const ofController = events.filter(({ user }) => user.username === CONTROLLER_USER);
    const found = ofController.filter(
      ({ objectRef, ...event }) =>
        event.verb === verb && objectRef?.resource === 'scans' && objectRef.namespace === namespace,
    );
    return found.length;
  }

  const decisions = () => metric(controller, 'icb_reconcile_duration_seconds_count', 'controller="heldscan"');

  it('are not read before there is one, however often they are decided on, and then once', async () => {
    const namespace = await cluster.namespace();
    await namespace.binding('app', { delivery: 'Temporary' });
    await namespace.condition('app', 'Ready', 'False SecretNotFound');
    const create = () => createScan(cluster, namespace.name);
    const scans = await Promise.all(Array.from({ length: SCANS }, create));
    for (let change = 1; change <= CHANGES; change += 1) {
      const before = await decisions();
      await namespace.binding('other', { image: `reg.example/other-${change}` });
      await until(async () => (await decisions()) >= before + SCANS, 'all Scans to be decided on', 60);
    }
    const [reads, writes] = [await requests(namespace.name, 'get'), await requests(namespace.name, 'update')];
    assert.deepEqual([reads, writes], [0, 0]);
    await namespace.pullSecret('pull', { 'reg.example': { auth: btoa('user:pass') } });
    for (const scan of scans) assert.ok(secretOf(await untilScan(cluster, scan, isResumed, 60)));
    assert.deepEqual(
      [await requests(namespace.name, 'get'), await requests(namespace.name, 'update')],
      [SCANS, SCANS],
    );
  });
});
