import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { HELD_ANNOTATION } from '../../../src/api/names.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
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

const isResumed = (scan: RawScan) => scan.spec.suspend === false;

describe('a held Scan, if another webhook refuses every Scan with a volume,', () => {
  let cluster: Cluster;
  let controller: AdmittingController;
  let refusing: Server;

  before(async () => {
    cluster = await Cluster.start();
    await grantAdmission(cluster);
    const certificates = await CertificateFolder.create(cluster, 'certificates');
    const made = await certificates.renew();
    refusing = createServer({ cert: made.certificate, key: made.key }, (request, response) => {
      request.setEncoding('utf8');
      let body = '';
      request.on('data', (text) => {
        body += text;
      });
      request.on('end', () => response.end(refusal(body)));
    });
    await once(refusing.listen(0, '127.0.0.1'), 'listening');
    controller = await startAdmitting(cluster, certificates);
    await registerWebhook(cluster, { url: controller.webhook, ca: made.ca });
    await untilCalled(cluster, controller);
    await registerRefusing(made.ca);
  });
  after(async () => {
    refusing?.close();
    await cluster?.[Symbol.asyncDispose]();
  });

  /** Like many policy engines, names neither a code nor a reason. */
  function refusal(body: string): string {
    const { request, ...review } = JSON.parse(body);
    const allowed = request.object.spec.volumes === undefined;
    const response = { uid: request.uid, allowed, ...(allowed ? {} : { status: { message: 'no volumes' } }) };
    return JSON.stringify({ ...review, response });
  }

  async function registerRefusing(ca: string): Promise<void> {
    // A TCP server that listens has an AddressInfo.
    const { port } = refusing.address() as AddressInfo;
    const rule = { apiGroups: ['execution.securecodebox.io'], apiVersions: ['v1'], resources: ['scans'] };
    const object = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'no-volumes' },
      webhooks: [
        {
          name: 'no-volumes.example.org',
          clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: btoa(ca) },
          rules: [{ ...rule, operations: ['UPDATE'] }],
          ...{ failurePolicy: 'Fail', sideEffects: 'None', admissionReviewVersions: ['v1'] },
        },
      ],
    };
    await cluster.controlPlane.kubectl(['create', '-f', '-'], { input: JSON.stringify(object) });
  }

  it('is resumed as it is, and counted as unbound', async () => {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', { 'reg.example': { auth: btoa('user:pass') } });
    await namespace.binding('app', { delivery: 'Temporary' });
    await namespace.condition('app', 'Ready', 'True Ready');
    const scan = await createScan(cluster, namespace.name);
    assert.equal(scan.metadata.annotations?.[HELD_ANNOTATION], 'await-secret');
    const resumed = await untilScan(cluster, scan, isResumed);
    assert.deepEqual(
      [secretOf(resumed), resumed.metadata.annotations?.[HELD_ANNOTATION]],
      [undefined, undefined],
    );
    const count = (result: string) => metric(controller, 'icb_held_scans_total', `result="${result}"`);
    await until(async () => (await count('Unbound')) === 1, 'the Scan to be counted');
    assert.equal(await count('Bound'), 0);
  });
});
