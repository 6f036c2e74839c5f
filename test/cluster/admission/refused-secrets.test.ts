import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { HELD_ANNOTATION } from '../../../src/api/names.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import {
  type AdmittingController,
  CertificateFolder,
  createScan,
  grantAdmission,
  registerWebhook,
  secretOf,
  startAdmitting,
  untilCalled,
  untilScan,
} from '../../support/cluster/admission.ts';
import { Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';
import { until } from '../../support/until.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };

const isHeld = (scan: RawScan) => scan.metadata.annotations?.[HELD_ANNOTATION] === 'await-secret';
const isBound = (scan: RawScan) => secretOf(scan) !== undefined;

describe('Scans whose Secrets a quota refuses', () => {
  let cluster: Cluster;
  let certificates: CertificateFolder;
  let controller: AdmittingController;
  let ca: string;

  before(async () => {
    // The API server answers with 403, as if a right was missing.
    cluster = await Cluster.start({ lacksRights: true });
    await grantAdmission(cluster);
    certificates = await CertificateFolder.create(cluster, 'certificates');
    ({ ca } = await certificates.renew());
    await startController();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  async function startController(): Promise<void> {
    controller = await startAdmitting(cluster, certificates);
    await registerWebhook(cluster, { url: controller.webhook, ca });
    await untilCalled(cluster, controller);
  }

  /**
   * Allows no further Secret. Nothing in the cluster computes the status of a quota, so it is written here.
   *
   * @returns what removes the quota
   */
  async function fillQuota({ name }: TestNamespace): Promise<() => Promise<void>> {
    const { controlPlane } = cluster;
    const quota = ['resourcequota', 'full', '--namespace', name];
    const status = { hard: { secrets: '1' }, used: { secrets: '1' } };
    const patch = ['--subresource', 'status', '--type', 'merge', '--patch', JSON.stringify({ status })];
    await controlPlane.kubectl(['create', 'quota', 'full', '--namespace', name, '--hard', 'secrets=1']);
    await controlPlane.kubectl(['patch', ...quota, ...patch]);
    const probe = ['create', 'secret', 'generic', 'probe', '--namespace', name, '--dry-run=server'];
    const isRefused = () =>
      controlPlane.kubectl(probe).then(
        () => false,
        () => true,
      );
    await until(isRefused, 'the quota to be full');
    return async () => {
      await controlPlane.kubectl(['delete', ...quota]);
    };
  }

  it('stay held, and their binding says so until they get them, also after a restart', async () => {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.binding('app', { delivery: 'Temporary' });
    await namespace.condition('app', 'Ready', 'True Ready');
    const removeQuota = await fillQuota(namespace);
    const scans = [await createScan(cluster, namespace.name), await createScan(cluster, namespace.name)];
    const { status } = await namespace.condition('app', 'Ready', 'False TrivySecretFailed');
    const [ready] = status?.conditions?.filter(({ type }) => type === 'Ready') ?? [];
    assert.match(
      ready?.message ?? '',
      /^Scans do not get their Secrets: the API server refused the write: Forbidden \(403\)\. Check .* quota/,
    );
    process.kill(controller.process.pid, 'SIGKILL');
    await controller.process.exited;
    await startController();
    for (const scan of scans) assert.ok(isHeld(await untilScan(cluster, scan, () => true)));
    await namespace.condition('app', 'Ready', 'False TrivySecretFailed');
    await removeQuota();
    for (const scan of scans) assert.ok(isBound(await untilScan(cluster, scan, (one) => !isHeld(one))));
    await namespace.condition('app', 'Ready', 'True Ready');
  });
});
