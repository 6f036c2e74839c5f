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
import { Cluster, SCHEDULED_SCANS, secretNameOf, type TestNamespace } from '../../support/cluster/cluster.ts';
import { until } from '../../support/until.ts';

const USER = 'scanner';
const FIRST_PASSWORD = 'first';
const DIRECT_PASSWORD = 'Canary-direct-8Rw';
/** Each contains something that some other way of delivery, such as TRIVY_PASSWORD, would break. */
const PASSWORDS: Readonly<Record<string, string>> = {
  'a comma': 'one,two,three',
  'spaces, including leading and trailing ones': ' one  two ',
  colons: ':one:two:',
  quotes: `'one' "two" \`three\``,
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a password may look like one.
  'dollars and backslashes': '$HOME ${PATH} $(id) \\n %20',
  'non-ASCII characters': 'pässwörd-密码-🔑',
  'a JSON document': '{"type": "service_account", "private_key": "-----BEGIN\\nKEY-----"}',
};

const STALE = btoa('stale:stale');
const BY_HAND = [
  { name: 'TRIVY_USERNAME', value: 'stale' },
  { name: 'TRIVY_PASSWORD', value: 'stale' },
];
const TEMPORARY = (key: string) => ({
  secretKeyRef: { name: 'temporary-secret-taken-over', key, optional: true },
});

/** What a scan may contain before it is bound. None of it lets Trivy pull. */
const FOUND: Readonly<Record<string, (image: string) => object>> = {
  'a user name and a password of its own': () => ({ env: BY_HAND }),
  'a registry token of its own': () => ({ env: [{ name: 'TRIVY_REGISTRY_TOKEN', value: 'stale' }] }),
  'a Docker config file of its own': () => ({
    env: [{ name: 'DOCKER_CONFIG', value: '/by-hand' }],
    volumes: [
      {
        name: 'docker-config',
        secret: { secretName: 'by-hand', items: [{ key: '.dockerconfigjson', path: 'config.json' }] },
      },
    ],
    volumeMounts: [{ name: 'docker-config', mountPath: '/by-hand', readOnly: true }],
  }),
  'a user name and a password in its scan type': () => ({ scanType: 'trivy-image-by-hand' }),
  'a Docker config file in its scan type': () => ({ scanType: 'trivy-image-with-config' }),
  'the other scan type': () => ({ scanType: 'trivy-sbom-image' }),
  'the other scan type, with autodiscovery': (image) => ({
    scanType: 'trivy-sbom-image',
    ...autodiscovered(image, ['TRIVY_USERNAME', 'TRIVY_PASSWORD']),
  }),
  'custom variable names of autodiscovery': (image) => autodiscovered(image, ['PULL_USER', 'PULL_PASSWORD']),
};

/** What autodiscovery adds for a pod with a pull secret. The password in that pull secret is outdated. */
function autodiscovered(image: string, [username = '', password = '']: readonly string[]): object {
  return {
    env: [
      { name: username, valueFrom: TEMPORARY('username') },
      { name: password, valueFrom: TEMPORARY('password') },
    ],
    volumes: [{ name: 'by-hand-volume', secret: { secretName: 'by-hand' } }],
    initContainers: [
      {
        name: 'secret-extraction-to-env',
        image: 'docker.io/securecodebox/auto-discovery-pull-secret-extractor',
        args: [image, 'temporary-secret-taken-over'],
        volumeMounts: [{ name: 'by-hand-volume', mountPath: '/secrets/by-hand' }],
      },
    ],
  };
}

describe('the scan of a private image with a real registry and a real Trivy', () => {
  let cluster: Cluster;
  let controller: RunningController;
  let registry: Registry;
  let secureCodeBox: SecureCodeBox;
  let namespace: TestNamespace;
  let image: string;

  before(async () => {
    cluster = await Cluster.start();
    const { group } = cluster.controlPlane;
    const log = (line: string) => process.stderr.write(`${line}\n`);
    const { trivy } = await tools(['trivy'], log);
    registry = await startRegistry({ user: { username: USER, password: FIRST_PASSWORD }, group, log });
    const digest = await registry.pushImage('shop/payments:1.0', { 'app/hello.txt': 'hello' });
    image = `${registry.host}/shop/payments@${digest}`;
    namespace = await cluster.namespace();
    const input = secureCodeBoxAccess(namespace.name)
      .map((object) => JSON.stringify(object))
      .join('\n');
    await cluster.controlPlane.kubectl(['apply', '--filename', '-'], { input });
    const extraArgs = ['--insecure'];
    const config = [{ name: 'DOCKER_CONFIG', value: '/nowhere' }];
    for (const type of [
      trivyImageScanType(namespace.name, { extraArgs }),
      trivyImageScanType(namespace.name, { name: 'trivy-image-by-hand', extraArgs, env: BY_HAND }),
      trivyImageScanType(namespace.name, { name: 'trivy-image-with-config', extraArgs, env: config }),
      trivyImageScanType(namespace.name, {
        name: 'trivy-sbom-image',
        extraArgs: [...extraArgs, '--format', 'cyclonedx'],
      }),
    ])
      await namespace.put(SCAN_TYPES, { ...type });
    await namespace.pullSecret('by-hand', { [registry.host]: { auth: STALE } });
    const account = { namespace: namespace.name, name: 'securecodebox-operator' };
    secureCodeBox = await startSecureCodeBox({
      kubeconfig: await cluster.controlPlane.kubeconfigFor(account),
      programs: { trivy },
      log: pino({ level: 'silent' }),
    });
    const local = ['--local-addresses', '127.0.0.1', '--insecure-registries', registry.host];
    controller = await cluster.startController(...local, '--runs-per-minute', '6000');
  });
  after(async () => {
    await secureCodeBox?.stop();
    await cluster?.[Symbol.asyncDispose]();
  });

  const pullSecret = (password: string) =>
    namespace.pullSecret('pull', { [registry.host]: { auth: base64(`${USER}:${password}`) } });

  it('fails without a binding, because the registry refuses it', async () => {
    await pullSecret(FIRST_PASSWORD);
    const first = secureCodeBox.nextRun(namespace.name, 'payments');
    await namespace.scan('payments', [image], { spec: { suspend: false } });
    const run = await first;
    assert.equal(run.state, 'Errored');
    assert.match(run.log, /UNAUTHORIZED/);
  });

  it('succeeds once a binding is applied', async () => {
    const image = `${registry.host}/shop/payments`;
    await namespace.binding('payments', { image, verification: 'Required' });
    await namespace.condition('payments', 'Ready', 'True Ready');
    await namespace.condition('payments', 'CredentialVerified', 'True Accepted');
    assertScanned(await secureCodeBox.trigger(namespace.name, 'payments'));
    const scan = await namespace.rawScan('payments');
    assert.equal(scan.metadata.annotations?.['credentials.securecodebox.io/binding'], 'payments');
  });

  for (const [name, password] of Object.entries(PASSWORDS)) {
    it(`succeeds when the password changes to one with ${name}`, async () => {
      const { secretName } = await namespace.bound('payments');
      await registry.setPassword(password);
      assert.equal((await secureCodeBox.trigger(namespace.name, 'payments')).state, 'Errored');
      await pullSecret(password);
      const auth = base64(`${USER}:${password}`);
      await until(
        async () => JSON.stringify(await namespace.trivyConfig(secretName)).includes(auth),
        'the new password in the Trivy Secret',
      );
      assertScanned(await secureCodeBox.trigger(namespace.name, 'payments'));
    });
  }

  it('succeeds in each run if autodiscovery has added its init container, which is restored in the end', async () => {
    const password = 'for-autodiscovery';
    await registry.setPassword(password);
    await pullSecret(password);
    const key = (name: string) => ({
      secretKeyRef: { name: 'temporary-secret-discovered', key: name, optional: true },
    });
    const scanSpec = {
      env: [
        { name: 'TRIVY_USERNAME', valueFrom: key('username') },
        { name: 'TRIVY_PASSWORD', valueFrom: key('password') },
      ],
      volumes: [{ name: 'pull-volume', secret: { secretName: 'pull' } }],
      initContainers: [
        {
          name: 'secret-extraction-to-env',
          image: 'docker.io/securecodebox/auto-discovery-pull-secret-extractor',
          args: [image, 'temporary-secret-discovered'],
          volumeMounts: [{ name: 'pull-volume', mountPath: '/secrets/pull' }],
        },
      ],
    };
    const first = secureCodeBox.nextRun(namespace.name, 'discovered');
    await namespace.scan('discovered', [image], { scanSpec, spec: { suspend: false } });
    assertScanned(await first);
    await namespace.bound('discovered');
    assertScanned(await secureCodeBox.trigger(namespace.name, 'discovered'));
    assertScanned(await secureCodeBox.trigger(namespace.name, 'discovered'));
    await namespace.delete(imageCredentialBindings, 'payments');
    await until(
      async () => (await namespace.rawScan('discovered')).spec.scanSpec.initContainers !== undefined,
      'the init container to be restored',
    );
    const { env, volumes, initContainers } = (await namespace.rawScan('discovered')).spec.scanSpec;
    assert.deepEqual({ env, volumes, initContainers }, scanSpec);
    assert.equal((await secureCodeBox.trigger(namespace.name, 'discovered')).state, 'Errored', 'as before');
    await namespace.delete(SCHEDULED_SCANS, 'discovered');
    await namespace.binding('payments', {
      image: `${registry.host}/shop/payments`,
      verification: 'Required',
    });
    await namespace.condition('payments', 'Ready', 'True Ready');
  });

  it('fails again when the binding is deleted', async () => {
    const { secretName } = await namespace.bound('payments');
    await namespace.delete(imageCredentialBindings, 'payments');
    await until(
      async () => (await namespace.rawScan('payments')).spec.scanSpec.volumes === undefined,
      'the scan to be unbound',
    );
    assert.equal((await secureCodeBox.trigger(namespace.name, 'payments')).state, 'Errored');
    assert.notEqual(await namespace.trivyConfig(secretName), undefined, 'kept for runs that still mount it');
    await namespace.delete(SCHEDULED_SCANS, 'payments');
  });

  for (const [index, [name, spec]] of Object.entries(FOUND).entries()) {
    it(`succeeds with ${name}, all of which is restored in the end`, async () => {
      // Each case uses names of its own, because an object that is written again within ten seconds is delayed.
      const scan = `found-${index}`;
      const binding = scan;
      const first = secureCodeBox.nextRun(namespace.name, scan);
      await namespace.scan(scan, [image], { scanSpec: spec(image), spec: { suspend: false } });
      assert.equal((await first).state, 'Errored');
      const original = await namespace.rawScan(scan);

      const again = secureCodeBox.nextRun(namespace.name, scan);
      const repository = `${registry.host}/shop/payments`;
      await namespace.binding(binding, { image: repository, verification: 'Required' });
      const run = await again;
      assert.equal(run.state, 'Done', run.log);
      // JSON and CycloneDX both contain the ID of the image.
      assert.match(JSON.stringify(run.results), /sha256:[0-9a-f]{64}/);
      await namespace.delete(imageCredentialBindings, binding);
      await until(
        async () => secretNameOf(await namespace.rawScan(scan)) === undefined,
        'the scan to be unbound',
      );
      const { spec: restored, metadata } = await namespace.rawScan(scan);
      assert.equal(JSON.stringify(restored), JSON.stringify(original.spec));
      assert.deepEqual(metadata.annotations, original.metadata.annotations);
      await namespace.delete(SCHEDULED_SCANS, scan);
    });
  }

  it('succeeds with its pull secret itself mounted, also after the password changes', async () => {
    const first = secureCodeBox.nextRun(namespace.name, 'direct');
    await namespace.scan('direct', [image], { spec: { suspend: false } });
    assert.equal((await first).state, 'Errored');
    const again = secureCodeBox.nextRun(namespace.name, 'direct');
    const repository = `${registry.host}/shop/payments`;
    await namespace.binding('direct', { image: repository, verification: 'Required', delivery: 'Direct' });
    assertScanned(await again);
    assert.equal((await namespace.bound('direct')).secretName, 'pull');
    await registry.setPassword(DIRECT_PASSWORD);
    assert.equal((await secureCodeBox.trigger(namespace.name, 'direct')).state, 'Errored');
    await pullSecret(DIRECT_PASSWORD);
    assertScanned(await secureCodeBox.trigger(namespace.name, 'direct'));
  });

  it('reveals no password in the log of the controller', async () => {
    const log = await controller.log();
    for (const password of [FIRST_PASSWORD, DIRECT_PASSWORD, ...Object.values(PASSWORDS)]) {
      assert.ok(!log.includes(JSON.stringify(password).slice(1, -1)), password);
      assert.ok(!log.includes(base64(`${USER}:${password}`)), password);
    }
  });
});

function assertScanned(run: ScanRun): void {
  assert.equal(run.state, 'Done', run.log);
  const results = run.results as { Metadata?: { ImageID?: string } } | undefined;
  assert.match(results?.Metadata?.ImageID ?? '', /^sha256:[0-9a-f]{64}$/);
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
