import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { BINDING_ANNOTATION, HELD_ANNOTATION, RUN_ANNOTATION } from '../../../src/api/names.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import { isHeldHere, readNewScan } from '../../../src/scan/scan.ts';
import {
  type AdmittingController,
  CertificateFolder,
  COUNT,
  createScan,
  grantAdmission,
  metric,
  registerWebhooks,
  secretOf,
  startAdmitting,
  untilCalled,
} from '../../support/cluster/admission.ts';
import { Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };
const PATH = '/var/run/secrets/image-credential-binding';
const RUNS = 150;

const NAMES = fc.constantFrom('a', 'b', 'a', 'b', 'image-credential-binding');
const VOLUMES = fc.uniqueArray(
  fc.oneof(
    fc.record({ name: NAMES, emptyDir: fc.constant({}) }),
    fc.record({
      name: NAMES,
      secret: fc.record({
        secretName: fc.constantFrom('mine', 'trivy-stale-123456'),
        optional: fc.boolean(),
      }),
    }),
  ),
  { selector: ({ name }) => name, maxLength: 3 },
);
const MOUNTS = fc.uniqueArray(
  fc.record({ name: NAMES, mountPath: fc.constantFrom('/a', '/b', PATH), readOnly: fc.boolean() }),
  { selector: ({ mountPath }) => mountPath, maxLength: 3 },
);
const ENV = fc.array(
  fc.oneof(
    fc.record({ name: fc.constantFrom('A', 'TRIVY_USERNAME', 'AWS_REGION') }),
    fc.record({ name: fc.constantFrom('DOCKER_CONFIG', 'A'), value: fc.constantFrom('', PATH, 'x') }),
    fc.record({
      name: fc.constantFrom('TRIVY_PASSWORD', 'B'),
      valueFrom: fc.record({ secretKeyRef: fc.record({ key: fc.constant('k'), name: fc.constant('s') }) }),
    }),
  ),
  { maxLength: 6 },
);
const INIT_CONTAINERS = fc.array(
  fc.record({ name: fc.constantFrom('secret-extraction-to-env', 'mine'), image: fc.constant('busybox') }),
  { maxLength: 2 },
);
const ANNOTATIONS = fc.dictionary(
  fc.constantFrom('mine', BINDING_ANNOTATION, HELD_ANNOTATION, RUN_ANNOTATION),
  fc.constantFrom('', 'x', 'resume', 'await-secret', 'timed-out', 'keep-suspended', 'app'),
  { maxKeys: 4 },
);
const SCANS = fc.record({
  parameters: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(['reg.example/app:1.0'], ['old.example/app:2']) },
    fc.constantFrom(
      ['--severity', 'HIGH', 'reg.example/app:1.0'],
      ['held.example/app:1.0'],
      ['other.example/tool'],
      ['--input', 'x.tar'],
    ),
    fc.array(fc.string({ maxLength: 20 }), { maxLength: 3 }),
  ),
  annotations: fc.option(ANNOTATIONS, { nil: undefined }),
  spec: fc.record(
    {
      env: ENV,
      volumes: VOLUMES,
      volumeMounts: MOUNTS,
      initContainers: INIT_CONTAINERS,
      suspend: fc.boolean(),
    },
    { requiredKeys: [] },
  ),
});

describe('random Scans', () => {
  let cluster: Cluster;
  let controller: AdmittingController;
  /** In the second one, the API server calls the webhook twice for each Scan. */
  let namespaces: readonly [TestNamespace, TestNamespace];

  before(async () => {
    cluster = await Cluster.start();
    await grantAdmission(cluster);
    const certificates = await CertificateFolder.create(cluster, 'certificates');
    const { ca } = await certificates.renew();
    controller = await startAdmitting(cluster, certificates);
    namespaces = [await cluster.namespace(), await cluster.namespace()];
    const [once, twice] = namespaces.map(({ name }) => ({ url: controller.webhook, namespace: name }));
    assert.ok(once !== undefined && twice !== undefined);
    const probed = { url: controller.webhook, namespace: 'default' };
    await registerWebhooks(cluster, { webhooks: [probed, once, twice, twice], ca });
    await untilCalled(cluster, controller);
    for (const namespace of namespaces) await prepare(namespace);
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  async function prepare(namespace: TestNamespace): Promise<void> {
    await namespace.pullSecret('pull', AUTHS);
    await namespace.binding('app', { replaces: ['old.example/app'] });
    await namespace.condition('app', 'Ready', 'True Ready');
    // Its Secret does not exist, so that its Scans stay held.
    const spec = { image: 'held.example/app', imagePullSecrets: [{ name: 'none' }] };
    await namespace.binding('held', { ...spec, delivery: 'Temporary' });
    await namespace.condition('held', 'Ready', 'False SecretNotFound');
  }

  it('are accepted by the CRD with their patch, which keeps the entries of other clients and is the same if the webhook is called twice', async () => {
    const outcomes = { bound: 0, held: 0, unbound: 0 };
    const errors = await metric(controller, COUNT, 'Error');
    const answers = await metric(controller, COUNT);
    await fc.assert(
      fc.asyncProperty(SCANS, async ({ parameters, annotations, spec }) => {
        // A patch that cannot be applied, or a result that the CRD refuses, would fail here.
        const content = {
          spec: { parameters, ...spec },
          metadata: annotations === undefined ? {} : { annotations },
        };
        const scan = await createScan(cluster, namespaces[0].name, content);
        const again = await createScan(cluster, namespaces[1].name, content);
        assert.deepEqual(again.spec, scan.spec);
        assert.deepEqual(again.metadata.annotations, scan.metadata.annotations);
        outcomes[outcomeOf(scan)] += 1;
        assertKept(spec, scan);
        assert.equal(scan.metadata.annotations?.['mine'], annotations?.['mine']);
      }),
      { numRuns: RUNS },
    );
    for (const count of Object.values(outcomes)) assert.ok(count > RUNS / 20, JSON.stringify(outcomes));
    assert.equal(await metric(controller, COUNT, 'Error'), errors);
    assert.equal(await metric(controller, COUNT), answers + 3 * RUNS);
  });

  function outcomeOf(scan: RawScan): 'bound' | 'held' | 'unbound' {
    if (isHeldHere(readNewScan(scan).hold)) return 'held';
    return secretOf(scan)?.startsWith('trivy-pull-') === true ? 'bound' : 'unbound';
  }

  /** Checks that the Scan has the user's entries in their order, and is suspended only if the user has suspended it. */
  function assertKept(spec: { readonly [Name in keyof RawScan['spec']]?: unknown }, scan: RawScan): void {
    const named = (list: unknown) =>
      ((list ?? []) as readonly { readonly name: string }[]).map(({ name }) => name);
    const others = (list: unknown) =>
      named(list).filter((name) => ['a', 'b', 'A', 'B', 'mine'].includes(name));
    for (const list of ['env', 'volumes', 'volumeMounts', 'initContainers'] as const)
      assert.deepEqual(others(scan.spec[list]), others(spec[list]), list);
    const { hold } = readNewScan(scan);
    if (!isHeldHere(hold)) assert.equal(scan.spec.suspend, spec['suspend'] ?? false);
  }
});
