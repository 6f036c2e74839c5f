import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { RELEASE } from '../../../hack/testenv/controller.ts';
import { imageCredentialBindings } from '../../../src/api/index.ts';
import { HELD_ANNOTATION, TEMPORARY_LABEL } from '../../../src/api/names.ts';
import { SCANS } from '../../../src/object/resources.ts';
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
import {
  type Binding,
  Cluster,
  SECRETS,
  type Secret,
  type TestNamespace,
} from '../../support/cluster/cluster.ts';
import { runCommand } from '../../support/cluster/command.ts';
import { ScanStates } from '../../support/cluster/scan-states.ts';
import { runExplain } from '../../support/explain.ts';
import { until } from '../../support/until.ts';

const login = (password: string) => ({ 'reg.example': { auth: btoa(`user:${password}`) } });

const isBound = (scan: RawScan) => secretOf(scan) !== undefined;
const isHeld = (scan: RawScan) => scan.metadata.annotations?.[HELD_ANNOTATION] === 'await-secret';
const isResumed = (scan: RawScan) => scan.spec.suspend === false && !isHeld(scan);

describe('Scans with the delivery Temporary', () => {
  let cluster: Cluster;
  let certificates: CertificateFolder;
  let states: ScanStates;
  let controller: AdmittingController;
  let ca: string;
  const flags = ['--unused-secret-grace', '1s'];

  before(async () => {
    cluster = await Cluster.start();
    await grantAdmission(cluster);
    states = new ScanStates(cluster);
    certificates = await CertificateFolder.create(cluster, 'certificates');
    ({ ca } = await certificates.renew());
    controller = await startAdmitting(cluster, certificates, { flags });
    await registerWebhook(cluster, { url: controller.webhook, ca });
    await untilCalled(cluster, controller);
  });
  after(async () => {
    await states?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  async function namespaceWith(spec: Partial<Binding['spec']> = {}): Promise<TestNamespace> {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', login('first'));
    await namespace.binding('app', { delivery: 'Temporary', ...spec });
    return namespace;
  }

  async function readyNamespace(): Promise<TestNamespace> {
    const namespace = await namespaceWith();
    await namespace.condition('app', 'Ready', 'True Ready');
    return namespace;
  }

  /** Creates a Scan, and waits until it has its credential. */
  async function started(namespace: TestNamespace): Promise<RawScan> {
    const scan = await createScan(cluster, namespace.name);
    assert.ok(isHeld(scan));
    return untilScan(cluster, scan, (present) => isResumed(present) && isBound(present));
  }

  async function secretNames({ name }: TestNamespace): Promise<readonly string[]> {
    const { items } = await cluster.client.list(SECRETS, { namespace: name });
    return items.map(({ metadata }) => metadata.name).sort();
  }

  async function onlyThePullSecret(namespace: TestNamespace): Promise<void> {
    await until(
      async () => (await secretNames(namespace)).join() === 'pull',
      'the namespace to contain only the pull secret',
    );
  }

  /** @returns a function that allows them again */
  async function refuseTemporarySecrets({ name }: TestNamespace): Promise<() => Promise<void>> {
    const apiVersion = 'admissionregistration.k8s.io/v1';
    const expression = `!has(object.metadata.labels) || !('${TEMPORARY_LABEL}' in object.metadata.labels)`;
    const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['secrets'] };
    const items = [
      {
        ...{ apiVersion, kind: 'ValidatingAdmissionPolicy', metadata: { name } },
        spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression }] },
      },
      {
        ...{ apiVersion, kind: 'ValidatingAdmissionPolicyBinding', metadata: { name } },
        spec: {
          ...{ policyName: name, validationActions: ['Deny'] },
          matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } },
        },
      },
    ];
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    await cluster.controlPlane.kubectl(['create', '-f', '-'], { input });
    const probe = { metadata: { namespace: name, name: 'probe', labels: { [TEMPORARY_LABEL]: 'true' } } };
    const isRefused = async () => {
      const args = ['create', '--dry-run=server', '-f', '-'];
      const object = JSON.stringify({ apiVersion: 'v1', kind: 'Secret', ...probe });
      return cluster.controlPlane.kubectl(args, { input: object }).then(
        () => false,
        () => true,
      );
    };
    await until(isRefused, 'the API server to refuse such Secrets');
    return async () => {
      await cluster.controlPlane.kubectl(['delete', '-f', '-'], { input });
    };
  }

  it('get a Secret of their own before they start, which is deleted when the scanner has finished', async () => {
    const namespace = await readyNamespace();
    await onlyThePullSecret(namespace);
    const scan = await started(namespace);
    const name = secretOf(scan) ?? '';
    const secret = await namespace.get<Secret>(SECRETS, name);
    assert.equal(secret?.metadata.labels?.[TEMPORARY_LABEL], 'true');
    assert.deepEqual(
      secret?.metadata.ownerReferences?.map(({ kind, uid }) => [kind, uid]),
      [['Scan', scan.metadata.uid]],
    );
    assert.deepEqual(await namespace.trivyConfig(name), { auths: login('first') });
    assert.equal(await metric(controller, 'icb_temporary_secrets'), 1);
    await states.set(scan, 'Scanning');
    // A later Scan gets the new value. The running Scan keeps its Secret.
    await namespace.pullSecret('pull', login('second'));
    let second = await started(namespace);
    await until(async () => {
      const config = JSON.stringify(await namespace.trivyConfig(secretOf(second) ?? ''));
      if (config === JSON.stringify({ auths: login('second') })) return true;
      second = await started(namespace);
      return false;
    }, 'a Scan to get the new value');
    assert.deepEqual(await namespace.trivyConfig(name), { auths: login('first') });
    await states.set(scan, 'ScanCompleted');
    await until(async () => (await namespace.get(SECRETS, name)) === undefined, 'the Secret to be deleted');
    assert.notEqual(await namespace.get(SECRETS, secretOf(second) ?? ''), undefined);
  });

  it('leave no Secret behind if they fail or are deleted, also while they are held', async () => {
    const namespace = await readyNamespace();
    const [failed, deleted] = [await started(namespace), await started(namespace)];
    const held = await createScan(cluster, namespace.name);
    await namespace.delete(SCANS, held.metadata.name);
    await states.set(failed, 'Errored');
    await namespace.delete(SCANS, deleted.metadata.name);
    await onlyThePullSecret(namespace);
  });

  it('are counted as bound at creation, and their ScheduledScan is unbound once', async () => {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', login('first'));
    await namespace.scan('daily');
    const original = JSON.stringify((await namespace.rawScan('daily')).spec);
    await namespace.binding('app', { delivery: 'Shared' });
    await namespace.bound('daily');
    await namespace.binding('app', { delivery: 'Temporary' });
    await until(
      async () => JSON.stringify((await namespace.rawScan('daily')).spec) === original,
      'the ScheduledScan to be unbound',
    );
    await onlyThePullSecret(namespace);
    const { status } = await namespace.condition('app', 'Ready', 'True Ready');
    assert.equal(status?.scans?.boundAtCreation, 1);
  });

  describe('without a credential', () => {
    it('stay held while no credential exists, and start with the credential as soon as it exists', async () => {
      const namespace = await cluster.namespace();
      await namespace.binding('app', { delivery: 'Temporary' });
      await namespace.condition('app', 'Ready', 'False SecretNotFound');
      const scan = await createScan(cluster, namespace.name);
      assert.ok(isHeld(scan));
      await namespace.pullSecret('pull', login('late'));
      const bound = await untilScan(cluster, scan, isResumed);
      assert.deepEqual(await namespace.trivyConfig(secretOf(bound) ?? ''), { auths: login('late') });
    });

    it('are resumed without a credential as soon as their binding is stalled', async () => {
      const namespace = await cluster.namespace();
      await namespace.binding('app', { delivery: 'Temporary' });
      await namespace.condition('app', 'Ready', 'False SecretNotFound');
      const scan = await createScan(cluster, namespace.name);
      assert.ok(isHeld(scan));
      await namespace.put(SECRETS, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'pull' },
        stringData: { password: 'x' },
      });
      await namespace.condition('app', 'Stalled', 'True NotAnnotated');
      assert.equal(isBound(await untilScan(cluster, scan, isResumed)), false);
      assert.equal(isHeld(await createScan(cluster, namespace.name)), false);
    });

    it('stay held while the API server refuses their Secrets, and start with them afterwards', async () => {
      const namespace = await readyNamespace();
      const allow = await refuseTemporarySecrets(namespace);
      const scan = await createScan(cluster, namespace.name);
      await until(
        async () => /the API server refused the write/.test(await controller.log()),
        'the controller to report the refused write',
      );
      assert.ok(isHeld(await untilScan(cluster, scan, () => true)));
      await allow();
      assert.ok(isBound(await untilScan(cluster, scan, isResumed)));
    });

    it('wait longer if they were held for another delivery before', async () => {
      const namespace = await cluster.namespace();
      await namespace.binding('app', { delivery: 'Temporary' });
      await namespace.condition('app', 'Ready', 'False SecretNotFound');
      const scan = await createScan(cluster, namespace.name);
      assert.ok(isHeld(scan));
      const args = ['annotate', '--overwrite', '--namespace', namespace.name, 'scan', scan.metadata.name];
      await cluster.controlPlane.kubectl([...args, `${HELD_ANNOTATION}=resume`]);
      await untilScan(cluster, scan, isHeld);
      await namespace.pullSecret('pull', login('late'));
      assert.ok(isBound(await untilScan(cluster, scan, isResumed)));
    });

    it('get what the binding delivers, even if its delivery changes while they are held', async () => {
      const namespace = await cluster.namespace();
      await namespace.binding('app', { delivery: 'Temporary' });
      await namespace.condition('app', 'Ready', 'False SecretNotFound');
      const scan = await createScan(cluster, namespace.name);
      await namespace.binding('app', { delivery: 'Direct' });
      await namespace.pullSecret('pull', login('x'));
      assert.equal(secretOf(await untilScan(cluster, scan, isResumed)), 'pull');
      await onlyThePullSecret(namespace);
    });
  });

  it('get no Secret if a user has created them suspended', async () => {
    const namespace = await readyNamespace();
    const scan = await createScan(cluster, namespace.name, { spec: { suspend: true } });
    assert.equal(scan.metadata.annotations, undefined);
    await until(async () => {
      const binding = await namespace.get<Binding>(imageCredentialBindings, 'app');
      return binding?.status?.unboundScans?.names[0]?.name === scan.metadata.name;
    }, 'the binding to name the Scan');
    await onlyThePullSecret(namespace);
  });

  describe('whose controller has stopped', () => {
    it('keep their Secret until they have been scanned, and the next controller deletes the Secrets that are left', async () => {
      const namespace = await readyNamespace();
      const [running, finished, deleted] = [
        await started(namespace),
        await started(namespace),
        await started(namespace),
      ];
      await states.set(running, 'Scanning');
      process.kill(controller.process.pid, 'SIGKILL');
      await controller.process.exited;
      await states.set(finished, 'ParseCompleted');
      await namespace.delete(SCANS, deleted.metadata.name);
      assert.equal((await secretNames(namespace)).length, 4);
      controller = await startAdmitting(cluster, certificates, { flags });
      await registerWebhook(cluster, { url: controller.webhook, ca });
      await until(async () => (await secretNames(namespace)).length === 2, 'two Secrets to be deleted');
      assert.notEqual(await namespace.get(SECRETS, secretOf(running) ?? ''), undefined);
      await states.set(running, 'Done');
      await onlyThePullSecret(namespace);
    });

    it('are resumed, and their Secrets deleted, by the command unbind', async () => {
      const namespace = await readyNamespace();
      const running = await started(namespace);
      await states.set(running, 'ScanCompleted');
      const other = await cluster.namespace();
      await other.binding('app', { delivery: 'Temporary' });
      await other.condition('app', 'Ready', 'False SecretNotFound');
      const held = await createScan(cluster, other.name);
      assert.ok(isHeld(held));
      const mounting = await started(namespace);
      assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
      await states.set(mounting, 'Errored');
      const ran = await runCommand(cluster.controlPlane, [
        ...['unbind', '--lease-namespace', RELEASE, '-n', namespace.name, '-n', other.name, '--yes'],
      ]);
      assert.equal(ran.code, 0, ran.stderr);
      assert.ok(isResumed(await untilScan(cluster, held, () => true)));
      assert.deepEqual(await secretNames(namespace), ['pull']);
    });
  });
});

describe('a binding with the delivery Temporary', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start();
    await cluster.startController();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  it('is stalled without the admission webhook', async () => {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', login('x'));
    await namespace.scan('daily');
    await namespace.binding('app', { delivery: 'Temporary' });
    const { status } = await namespace.condition('app', 'Stalled', 'True AdmissionOff');
    const [ready] = status?.conditions?.filter(({ type }) => type === 'Ready') ?? [];
    assert.match(ready?.message ?? '', /admission\.enabled/);
    const { stdout, stderr } = runExplain(['reg.example/app:1.0', '-n', namespace.name], '', {
      KUBECONFIG: cluster.controlPlane.kubeconfig,
    });
    assert.match(stdout, /the controller says\n {4}Ready +False +AdmissionOff\n/);
    assert.doesNotMatch(`${stdout}${stderr}`, /Trivy gets|files do not say/);
  });
});
