import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { pino } from 'pino';
import type { RunningController } from '../../../hack/testenv/controller.ts';
import { type Registry, startRegistry } from '../../../hack/testenv/registry/registry.ts';
import {
  SCAN_TYPES,
  type ScanRun,
  type SecureCodeBox,
  secureCodeBoxAccess,
  startSecureCodeBox,
  trivyImageScanType,
} from '../../../hack/testenv/securecodebox/index.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { imageCredentialBindings } from '../../../src/api/index.ts';
import type { RawBinding } from '../../../src/binding/binding.ts';
import type { RawScheduledScan } from '../../../src/scan/scheduled-scan.ts';
import { Cluster, secretNameOf, settled, type TestNamespace } from '../../support/cluster/cluster.ts';
import { until } from '../../support/until.ts';

const USERS = {
  first: { username: 'first', password: 'canary-first-3Fz' },
  second: { username: 'second', password: 'canary-second-8Qp' },
} as const;
const CONTENT = { 'app/hello.txt': 'hello' };

/** What autodiscovery adds to a scan of a private image. */
function discoveredSpec(image: string) {
  const key = (part: string) => ({
    secretKeyRef: { name: 'temporary-secret-payments', key: part, optional: true },
  });
  return {
    env: [
      { name: 'TRIVY_USERNAME', valueFrom: key('username') },
      { name: 'TRIVY_PASSWORD', valueFrom: key('password') },
    ],
    volumes: [{ name: 'first-volume', secret: { secretName: 'first' } }],
    initContainers: [
      {
        name: 'secret-extraction-to-env',
        image: 'docker.io/securecodebox/auto-discovery-pull-secret-extractor',
        args: [image, 'temporary-secret-payments'],
        volumeMounts: [{ name: 'first-volume', mountPath: '/secrets/first' }],
      },
    ],
  };
}

describe('the migration of an image from one registry to another', () => {
  let cluster: Cluster;
  let controller: RunningController;
  let first: Registry;
  let second: Registry;
  let secureCodeBox: SecureCodeBox;
  let namespace: TestNamespace;
  let digest: string;
  let original: RawScheduledScan;

  before(async () => {
    cluster = await Cluster.start();
    const { group } = cluster.controlPlane;
    const log = (line: string) => process.stderr.write(`${line}\n`);
    const { trivy } = await tools(['trivy'], log);
    first = await startRegistry({ user: USERS.first, group, log });
    second = await startRegistry({ user: USERS.second, group, log });
    digest = await first.pushImage('shop/payments:1.0', CONTENT);
    await second.pushImage('team/other:1.0', { a: 'a' });
    namespace = await cluster.namespace();
    const input = secureCodeBoxAccess(namespace.name)
      .map((object) => JSON.stringify(object))
      .join('\n');
    await cluster.controlPlane.kubectl(['apply', '--filename', '-'], { input });
    await namespace.put(SCAN_TYPES, { ...trivyImageScanType(namespace.name, { extraArgs: ['--insecure'] }) });
    const account = { namespace: namespace.name, name: 'securecodebox-operator' };
    secureCodeBox = await startSecureCodeBox({
      kubeconfig: await cluster.controlPlane.kubeconfigFor(account),
      programs: { trivy },
      log: pino({ level: 'silent' }),
    });
    controller = await cluster.startController(
      ...['--local-addresses', '127.0.0.1', '--check-interval', '1s'],
      ...['--insecure-registries', `${first.host},${second.host}`],
    );
    const secret = (registry: Registry, user: (typeof USERS)[keyof typeof USERS]) => ({
      [registry.host]: { auth: Buffer.from(`${user.username}:${user.password}`).toString('base64') },
    });
    await namespace.pullSecret('first', secret(first, USERS.first));
    await namespace.pullSecret('second', secret(second, USERS.second));
  });
  after(async () => {
    await secureCodeBox?.stop();
    await cluster?.[Symbol.asyncDispose]();
  });

  const oldImage = () => `${first.host}/shop/payments`;
  const newImage = () => `${second.host}/team/payments`;
  const scanned = async () => assertScanned(await secureCodeBox.trigger(namespace.name, 'payments'));
  const parameters = async () => (await namespace.rawScan('payments')).spec.scanSpec.parameters;
  const status = async () => (await namespace.get<RawBinding>(imageCredentialBindings, 'payments'))?.status;

  describe('of one scan', () => {
    it('begins with a scan of the previous repository', async () => {
      const created = secureCodeBox.nextRun(namespace.name, 'payments');
      const flags = ['--severity', 'HIGH', `${oldImage()}@${digest}`, '--timeout', '9m'];
      await namespace.scan('payments', flags, { spec: { suspend: false } });
      await created;
      original = await namespace.rawScan('payments');
      const imagePullSecrets = [{ name: 'first' }];
      const again = secureCodeBox.nextRun(namespace.name, 'payments');
      await namespace.binding('payments', { image: oldImage(), imagePullSecrets, verification: 'Required' });
      await namespace.condition('payments', 'Ready', 'True Ready');
      assertScanned(await again);
    });

    it('waits while the new registry lacks exactly that version, which ScansBound reports', async () => {
      await namespace.binding('payments', {
        ...{ image: newImage(), replaces: [oldImage()], verification: 'Required' },
        imagePullSecrets: [{ name: 'first' }, { name: 'second' }],
      });
      await second.pushImage('team/payments:other', { b: 'b' });
      const missing = await until(async () => {
        const found = (await status())?.conditions?.find(({ type }) => type === 'ScansBound');
        return found?.reason === 'ImageMissing' && found.message;
      }, 'ScansBound to report the missing image');
      assert.ok(missing.includes(`the registry does not show ${newImage()}@${digest}`), missing);
      assert.deepEqual((await parameters())[2], `${oldImage()}@${digest}`);
      await scanned();
    });

    it('is one write, with the matching credential, as soon as the new registry has the image', async () => {
      const from = (await cluster.controlPlane.auditEvents()).length;
      const again = secureCodeBox.nextRun(namespace.name, 'payments');
      assert.equal(await second.pushImage('team/payments:1.0', CONTENT), digest);
      await until(
        async () => (await parameters())[2] === `${newImage()}@${digest}`,
        'the scan to be migrated',
      );
      const { scan, secretName } = await namespace.bound('payments');
      assert.deepEqual(scan.spec.scanSpec.parameters, [
        ...['--severity', 'HIGH', `${newImage()}@${digest}`, '--timeout', '9m'],
      ]);
      assert.deepEqual(Object.keys((await namespace.trivyConfig(secretName)) as object), ['auths']);
      assert.match(JSON.stringify(await namespace.trivyConfig(secretName)), new RegExp(second.host));
      await namespace.condition('payments', 'Ready', 'True Ready');
      const writes = (await cluster.writesOfController(from)).filter(
        ({ objectRef }) => objectRef?.resource === 'scheduledscans' && objectRef.subresource === undefined,
      );
      assert.equal(writes.length, 1);
      assertScanned(await again);
    });

    it('is reported in history, in an Event and in the log', async () => {
      const [latest] = (await status())?.history ?? [];
      assert.deepEqual(
        { ...latest, time: '' },
        {
          time: '',
          reason: 'ImageMigrated',
          from: { platform: 'Generic', image: oldImage(), secret: 'first' },
          to: { platform: 'Generic', image: newImage(), secret: 'second' },
          scans: 1,
        },
      );
      const { stdout } = await cluster.controlPlane.kubectl([
        ...['events', '--for', 'icb/payments', '--namespace', namespace.name],
      ]);
      assert.match(
        stdout,
        /Normal\s+ImageMigrated\s+.*migrated payments from .*\/shop\/payments to .*\/team\/payments/,
      );
      assert.match(await controller.log(), new RegExp(`"image":"${newImage()}@${digest}"`));
    });

    it('back to the previous repository needs no spec.replaces, and restores the original spec exactly', async () => {
      await namespace.binding('payments', {
        ...{ image: oldImage(), replaces: [], verification: 'Preferred' },
        imagePullSecrets: [{ name: 'second' }, { name: 'first' }],
      });
      const again = secureCodeBox.nextRun(namespace.name, 'payments');
      await until(
        async () => (await parameters())[2] === `${oldImage()}@${digest}`,
        'the scan to be migrated back',
      );
      await namespace.condition('payments', 'Ready', 'True Ready');
      assertScanned(await again);
      await namespace.delete(imageCredentialBindings, 'payments');
      await until(
        async () => secretNameOf(await namespace.rawScan('payments')) === undefined,
        'the scan to be unbound',
      );
      const { spec, metadata } = await namespace.rawScan('payments');
      assert.equal(JSON.stringify(spec), JSON.stringify(original.spec));
      assert.deepEqual(metadata.annotations, original.metadata.annotations);
    });
  });

  describe('with a digest', () => {
    it('includes a scan that autodiscovery keeps because the image still has the same digest', async () => {
      // Autodiscovery names a scan by the image's last part and digest, so the scan of the previous repository is kept
      // for the new one.
      const name = `payments-at-${digest.slice('sha256:'.length, 'sha256:'.length + 20)}`;
      const scanSpec = discoveredSpec(`${oldImage()}@${digest}`);
      const created = secureCodeBox.nextRun(namespace.name, name);
      await namespace.scan(name, [`${oldImage()}@${digest}`], {
        metadata: { labels: { 'app.kubernetes.io/managed-by': 'securecodebox-autodiscovery' } },
        spec: { suspend: false, retriggerOnScanTypeChange: true },
        scanSpec,
      });
      assertScanned(await created);
      assert.equal(await second.pushImage('shop/payments:1.0', CONTENT), digest);
      const migrated = `${second.host}/shop/payments`;
      const again = secureCodeBox.nextRun(namespace.name, name);
      const imagePullSecrets = [{ name: 'second' }];
      await namespace.binding('migrated', {
        ...{ image: migrated, replaces: [oldImage()], verification: 'Required', imagePullSecrets },
      });
      assertScanned(await again);
      await namespace.condition('migrated', 'Ready', 'True Ready');
      await assertMigrated(name, `${migrated}@${digest}`);
      assertScanned(await secureCodeBox.trigger(namespace.name, name));

      await namespace.delete(imageCredentialBindings, 'migrated');
      const restored = async () => (await namespace.rawScan(name)).spec.scanSpec;
      await until(
        async () => (await restored()).initContainers?.length === 1,
        'the init container to be restored',
      );
      const { env, volumes: theirs } = await restored();
      assert.deepEqual({ env, volumes: theirs }, { env: scanSpec.env, volumes: scanSpec.volumes });
    });

    /** Asserts that the scan names the image in the new registry, with the credential for that registry alone. */
    async function assertMigrated(name: string, image: string): Promise<void> {
      const { scan, secretName } = await namespace.bound(name);
      const { parameters: now, initContainers = [], volumes = [] } = scan.spec.scanSpec;
      assert.deepEqual({ now, initContainers }, { now: [image], initContainers: [] });
      assert.ok(!JSON.stringify(volumes).includes('"first"'));
      assert.ok(JSON.stringify(await namespace.trivyConfig(secretName)).includes(second.host));
    }
  });

  it('ends without further writes, and reveals no password in the log', async () => {
    await settled(cluster);
    const log = await controller.log();
    for (const { password } of Object.values(USERS)) assert.ok(!log.includes(password));
  });
});

function assertScanned(run: ScanRun): void {
  assert.equal(run.state, 'Done', run.log);
  const results = run.results as { Metadata?: { ImageID?: string } } | undefined;
  assert.match(results?.Metadata?.ImageID ?? '', /^sha256:[0-9a-f]{64}$/);
}
