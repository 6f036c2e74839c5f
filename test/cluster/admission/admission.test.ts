import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { BINDING_ANNOTATION, HELD_ANNOTATION, RUN_ANNOTATION } from '../../../src/api/names.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import {
  type AdmittingController,
  CertificateFolder,
  COUNT,
  createScan,
  grantAdmission,
  metric,
  registerWebhook,
  secretOf,
  startAdmitting,
  untilCalled,
  untilScan,
} from '../../support/cluster/admission.ts';
import { Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';
import { until } from '../../support/until.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };

const isBound = (scan: RawScan) => secretOf(scan) !== undefined;

describe('the webhook on a real API server', () => {
  let cluster: Cluster;
  let certificates: CertificateFolder;
  let controller: AdmittingController;
  let ca: string;

  before(async () => {
    cluster = await Cluster.start();
    await grantAdmission(cluster);
    certificates = await CertificateFolder.create(cluster, 'certificates');
    ({ ca } = await certificates.renew());
    controller = await startAdmitting(cluster, certificates, { flags: ['--unused-secret-grace', '1h'] });
    await registerWebhook(cluster, { url: controller.webhook, ca });
    await untilCalled(cluster, controller);
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  /** A namespace with a binding that has delivered its Trivy Secret. */
  async function boundNamespace(): Promise<TestNamespace> {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.binding('app');
    await namespace.condition('app', 'Ready', 'True Ready');
    return namespace;
  }

  it('binds a one-off Scan with a generated name before it is stored', async () => {
    const namespace = await boundNamespace();
    const scan = await createScan(cluster, namespace.name);
    assert.match(secretOf(scan) ?? '', /^trivy-pull-/);
    assert.equal(scan.metadata.annotations?.[BINDING_ANNOTATION], 'app');
    assert.equal(scan.spec.suspend, false);
    assert.equal(scan.metadata.generation, 1);
  });

  it('gives a Scan the entries of a bound ScheduledScan, and does not change a Scan that already has them', async () => {
    const namespace = await boundNamespace();
    await namespace.scan('scheduled');
    const { scan: scheduled } = await namespace.bound('scheduled');
    const made = await createScan(cluster, namespace.name);
    const { env, volumes, volumeMounts } = scheduled.spec.scanSpec;
    const copy = await createScan(cluster, namespace.name, {
      spec: { env, volumes, volumeMounts },
      metadata: { annotations: { [BINDING_ANNOTATION]: 'app' } },
    });
    assert.deepEqual(made.spec, copy.spec);
    assert.deepEqual(made.spec.env, env);
  });

  it('holds the first Scan after its binding was created, and the leader binds and resumes it', async () => {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.binding('app');
    // The controller has to know the binding. Its Trivy Secret may or may not exist by then.
    const scans: RawScan[] = [];
    await until(async () => {
      const scan = await createScan(cluster, namespace.name);
      scans.push(scan);
      return isBound(scan) || scan.metadata.annotations?.[HELD_ANNOTATION] === 'resume';
    }, 'the webhook to know the binding');
    const last = scans.at(-1);
    assert.ok(last);
    const bound = await untilScan(cluster, last, isBound);
    assert.equal(bound.spec.suspend, false);
    assert.equal(bound.metadata.annotations?.[HELD_ANNOTATION], undefined);
  });

  it('replaces or removes the entries that a Scan of a cascade has inherited', async () => {
    const namespace = await boundNamespace();
    const parent = await createScan(cluster, namespace.name);
    const inherited = {
      annotations: {
        [BINDING_ANNOTATION]: 'app',
        [RUN_ANNOTATION]: 'x',
        [HELD_ANNOTATION]: 'resume',
        mine: 'x',
      },
      ownerReferences: [
        {
          apiVersion: 'execution.securecodebox.io/v1',
          kind: 'Scan',
          name: parent.metadata.name,
          uid: parent.metadata.uid,
        },
      ],
    };
    const { env, volumes, volumeMounts } = parent.spec;
    const foreign = await createScan(cluster, namespace.name, {
      spec: { parameters: ['other.example/tool:1'], env, volumes, volumeMounts },
      metadata: inherited,
    });
    assert.deepEqual(foreign.metadata.annotations, { mine: 'x' });
    assert.equal(foreign.spec.volumes, undefined);
    assert.equal(foreign.spec.env, undefined);
    const own = await createScan(cluster, namespace.name, { metadata: inherited });
    assert.deepEqual(own.metadata.annotations, { mine: 'x', [BINDING_ANNOTATION]: 'app' });
    assert.deepEqual(own.spec.volumes, volumes);
  });

  it('binds a Scan that a user has created suspended, and never resumes it', async () => {
    const namespace = await boundNamespace();
    const scan = await createScan(cluster, namespace.name, { spec: { suspend: true } });
    assert.ok(isBound(scan));
    assert.equal(scan.spec.suspend, true);
    assert.equal(scan.metadata.annotations?.[HELD_ANNOTATION], undefined);
  });

  it('gives a dry run the same patch, and does not count it', async () => {
    const namespace = await boundNamespace();
    const counted = await metric(controller, COUNT);
    const object = {
      apiVersion: 'execution.securecodebox.io/v1',
      kind: 'Scan',
      metadata: { name: 'dry', namespace: namespace.name },
      spec: { scanType: 'trivy-image', parameters: ['reg.example/app:1.0'] },
    };
    const { stdout } = await cluster.controlPlane.kubectl(
      ['create', '--dry-run=server', '--output=json', '-f', '-'],
      { input: JSON.stringify(object) },
    );
    const dry = JSON.parse(stdout) as RawScan;
    assert.equal(await metric(controller, COUNT), counted);
    const real = await createScan(cluster, namespace.name, {
      metadata: { name: 'dry', generateName: undefined },
    });
    assert.deepEqual(dry.spec, real.spec);
    assert.deepEqual(dry.metadata.annotations, real.metadata.annotations);
    assert.equal(await metric(controller, COUNT), counted + 1);
  });

  it('does not change Scans of other scan types', async () => {
    const namespace = await boundNamespace();
    const counted = await metric(controller, COUNT);
    const scan = await createScan(cluster, namespace.name, { spec: { scanType: 'nmap' } });
    assert.equal(isBound(scan), false);
    assert.equal(await metric(controller, COUNT), counted);
  });

  it('returns the same Scan if the API server calls it twice', async () => {
    const namespace = await boundNamespace();
    const once = await createScan(cluster, namespace.name);
    await registerWebhook(cluster, { url: controller.webhook, ca, times: 2 });
    await until(async () => {
      const counted = await metric(controller, COUNT);
      await createScan(cluster, 'default', { spec: { parameters: ['probe.example/none:1'] } });
      return (await metric(controller, COUNT)) === counted + 2;
    }, 'the API server to call the webhook twice');
    const twice = await createScan(cluster, namespace.name);
    assert.deepEqual(twice.spec, once.spec);
    assert.deepEqual(twice.metadata.annotations, once.metadata.annotations);
    await registerWebhook(cluster, { url: controller.webhook, ca });
  });

  it('binds 200 Scans that are created at once while the certificate is replaced', async () => {
    const namespace = await boundNamespace();
    const next = await certificates.make();
    await registerWebhook(cluster, { url: controller.webhook, ca: ca + next.ca });
    // The API server must know the next authority before the certificate is replaced.
    await delay(2_000);
    const batches: RawScan[] = [];
    await certificates.put(next);
    for (let batch = 0; batch < 8; batch += 1) {
      const scans = Array.from({ length: 25 }, () => createScan(cluster, namespace.name));
      batches.push(...(await Promise.all(scans)));
      await delay(500);
    }
    ca += next.ca;
    assert.equal(batches.length, 200);
    assert.equal(batches.filter(isBound).length, 200);
    assert.equal((await controller.log()).match(/admission certificate loaded/g)?.length, 2);
  });

  // The last test, because it changes the CRD.
  it('holds no Scan if the CRD has no field suspend, and the binding says so', async () => {
    // A watch that began before the change still gets the default value of the field.
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
    const suspend = '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/suspend';
    await cluster.controlPlane.kubectl([
      ...['patch', 'crd', 'scans.execution.securecodebox.io', '--type=json'],
      ...['--patch', JSON.stringify([{ op: 'remove', path: suspend }])],
    ]);
    await until(
      async () => (await createScan(cluster, 'default')).spec.suspend === undefined,
      'the API server to use the changed CRD',
    );
    controller = await startAdmitting(cluster, certificates);
    await registerWebhook(cluster, { url: controller.webhook, ca });
    await untilCalled(cluster, controller);
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.binding('app', { delivery: 'Temporary' });
    await namespace.condition('app', 'CredentialResolved', 'True Selected');
    const scan = await createScan(cluster, namespace.name);
    assert.equal(scan.metadata.annotations?.[HELD_ANNOTATION], undefined);
    const { status } = await namespace.condition('app', 'Stalled', 'True ScansNotHeld');
    const [unbound] = status?.unboundScans?.names ?? [];
    assert.equal(unbound?.name, scan.metadata.name);
    assert.match(unbound?.reason ?? '', /the CRD of Scans has no field spec\.suspend/);
  });
});
