/**
 * A scan that follows its image from cloud to cloud and back: the controller, the real Trivy and a real registry under
 * the clouds' real host names, with the Secrets that users have there. The clouds' own services are stand-ins on
 * loopback.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pino } from 'pino';
import { makeCertificate } from '../../../hack/testenv/certificate.ts';
import { Cloud } from '../../../hack/testenv/cloud.ts';
import { type RunningController, startController } from '../../../hack/testenv/controller.ts';
import { startRegistry } from '../../../hack/testenv/registry/registry.ts';
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
import { REGISTRIES_ANNOTATION } from '../../../src/platform/registries-annotation.ts';
import type { RawScheduledScan } from '../../../src/scan/scheduled-scan.ts';
import {
  ACR,
  AUTHORIZED_USER,
  ECR,
  ECR_PASSWORD,
  ECR_PUBLIC,
  ECR_PUBLIC_API,
  GAR,
  KEYS,
  OTHER,
  PASSWORD,
  PRINCIPAL,
  SERVICE_ACCOUNT,
  SITES,
} from '../../support/clouds.ts';
import { Cluster, SECRETS, settled, type TestNamespace } from '../../support/cluster/cluster.ts';
import { until } from '../../support/until.ts';

const REPOSITORY = 'shop/payments';
const CANARY = /canary|\+0123456789abcdef/;

/**
 * A registry of the image, the Secret for it, and what Trivy receives for it: files, and variables that are not empty.
 */
interface Target {
  readonly name: string;
  readonly host: string;
  readonly secret: string;
  readonly platform: string;
  readonly files: readonly string[];
  readonly env: readonly string[];
}

/** The platform of a variable, by the prefix of its name. */
const CLOUD_OF: Readonly<Record<string, string>> = { AWS: 'AWS', GOOGLE: 'Google', AZURE: 'Azure' };

const ECR_PULL: Target = {
  ...{ name: 'ECR, by a pull secret', host: ECR, secret: 'ecr-pull', platform: 'AWS' },
  ...{ files: ['config.json'], env: ['AWS_EC2_METADATA_DISABLED', 'DOCKER_CONFIG'] },
};
const KEY_FILE: Target = {
  ...{ name: 'Artifact Registry, by a key file', host: GAR, secret: 'gar-key', platform: 'Google' },
  ...{ files: ['google-key.json'], env: ['GOOGLE_APPLICATION_CREDENTIALS'] },
};
const DOCKER_HUB: Target = {
  ...{ name: 'Docker Hub, by a pull secret', host: 'docker.io', secret: 'hub-pull', platform: 'Generic' },
  ...{ files: ['config.json'], env: ['DOCKER_CONFIG'] },
};
const ECR_KEYS: Target = {
  ...{ name: 'ECR, by AWS keys', host: ECR, secret: 'ecr-keys', platform: 'AWS' },
  ...{ files: ['aws-credentials'], env: ['AWS_EC2_METADATA_DISABLED', 'AWS_SHARED_CREDENTIALS_FILE'] },
};
const SERVICE_PRINCIPAL: Target = {
  ...{ name: 'ACR, by a service principal', host: ACR, secret: 'acr-principal', platform: 'Azure' },
  ...{ files: ['config.json'], env: ['DOCKER_CONFIG'] },
};
const PUBLIC_KEYS: Target = {
  ...{ name: 'ECR Public, by a login for AWS keys', host: ECR_PUBLIC, secret: 'ecr-public', platform: 'AWS' },
  ...{ files: ['config.json'], env: ['AWS_EC2_METADATA_DISABLED', 'DOCKER_CONFIG'] },
};
const BASIC_AUTH: Target = {
  ...{ name: 'any registry, by basic-auth', host: OTHER, secret: 'basic', platform: 'Generic' },
  ...{ files: ['config.json'], env: ['DOCKER_CONFIG'] },
};
const THERE = [ECR_PULL, KEY_FILE, DOCKER_HUB, ECR_KEYS, SERVICE_PRINCIPAL, PUBLIC_KEYS, BASIC_AUTH];
const BACK = THERE.toReversed().slice(1);

describe('a platform switch', () => {
  let cluster: Cluster;
  let cloud: Cloud;
  let controller: RunningController;
  let secureCodeBox: SecureCodeBox;
  let namespace: TestNamespace;
  let caFile: string;
  let atFirst: RawScheduledScan;

  before(async () => {
    cluster = await Cluster.start();
    const { group } = cluster.controlPlane;
    const log = (line: string) => process.stderr.write(`${line}\n`);
    const { trivy } = await tools(['trivy'], log);
    const certificate = await makeCertificate(group, Object.keys(SITES), { log });
    const registry = await startRegistry({ group, log });
    await registry.pushImage(`${REPOSITORY}:1.0`, { 'app/hello.txt': 'hello' });
    cloud = await Cloud.start(certificate, SITES, registry.host);
    caFile = join(group.directory, 'clouds-ca.pem');
    await writeFile(caFile, certificate.ca);
    namespace = await cluster.namespace();
    const access = secureCodeBoxAccess(namespace.name).map((object) => JSON.stringify(object));
    await cluster.controlPlane.kubectl(['apply', '--filename', '-'], { input: access.join('\n') });
    const env = [
      { name: 'HTTPS_PROXY', value: cloud.proxy },
      { name: 'SSL_CERT_FILE', value: caFile },
      { name: 'AWS_ACCESS_KEY_ID', value: 'AKIASTALESTALESTALE0' },
      { name: 'AWS_SECRET_ACCESS_KEY', value: 'stale' },
    ];
    await namespace.put(SCAN_TYPES, { ...trivyImageScanType(namespace.name, { env }) });
    const account = { namespace: namespace.name, name: 'securecodebox-operator' };
    secureCodeBox = await startSecureCodeBox({
      kubeconfig: await cluster.controlPlane.kubeconfigFor(account),
      programs: { trivy },
      log: pino({ level: 'silent' }),
    });
    controller = await start();
    await secrets(namespace);
  });
  after(async () => {
    await secureCodeBox?.stop();
    await cloud?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  const start = () =>
    startController(cluster.controlPlane, ['--registry-ca-file', caFile, '--check-interval', '1h'], {
      env: { HTTPS_PROXY: cloud.proxy, NO_PROXY: '127.0.0.1,localhost' },
    });
  const image = ({ host }: Target) => `${host}/${REPOSITORY}`;
  const bind = ({ host, secret }: Target) =>
    namespace.binding('payments', {
      image: `${host}/${REPOSITORY}`,
      ...{ imagePullSecrets: [{ name: secret }], verification: 'Required' },
    });

  describe('with a Secret for each cloud', () => {
    it(`begins with a scan in the first registry: ${ECR_PULL.name}`, async () => {
      await namespace.scan('payments', ['--severity', 'HIGH', `${image(ECR_PULL)}:1.0`, '--timeout', '9m'], {
        spec: { suspend: false },
      });
      await secureCodeBox.nextRun(namespace.name, 'payments');
      const again = secureCodeBox.nextRun(namespace.name, 'payments');
      await bind(ECR_PULL);
      assertScanned(await again);
      await assertDelivered(ECR_PULL);
      atFirst = await namespace.rawScan('payments');
    });

    for (const target of [...THERE.slice(1), ...BACK]) {
      it(`migrates the scan to ${target.name}`, async () => {
        const from = (await cluster.controlPlane.auditEvents()).length;
        const again = secureCodeBox.nextRun(namespace.name, 'payments');
        await bind(target);
        // If only the credential changes, no immediate run follows.
        const sameImage = (await parameter()) === `${image(target)}:1.0`;
        assertScanned(sameImage ? await secureCodeBox.trigger(namespace.name, 'payments') : await again);
        await assertDelivered(target);
        await namespace.condition('payments', 'Ready', 'True Ready');
        const writes = (await cluster.writesOfController(from)).filter(
          ({ objectRef }) => objectRef?.resource === 'scheduledscans' && objectRef.subresource === undefined,
        );
        assert.equal(writes.length, 1, 'image and credential change in one write');
      });
    }

    it('restores exactly the first spec when the scan is migrated back to the first registry', async () => {
      const scan = await namespace.rawScan('payments');
      assert.equal(JSON.stringify(scan.spec), JSON.stringify(atFirst.spec));
    });
  });

  describe('with Secrets that change', () => {
    it('migrates the scan when the content of one Secret changes from AWS keys to a Google key file', async () => {
      const target = { ...ECR_KEYS, secret: 'both' };
      await putCredentialSecret('both', KEYS, ECR);
      await bind(target);
      await until(async () => (await filesOf()).includes('aws-credentials'), 'the keys to be delivered');
      const again = secureCodeBox.nextRun(namespace.name, 'payments');
      await putCredentialSecret('both', { 'key.json': JSON.stringify(SERVICE_ACCOUNT) }, GAR);
      await bind({ ...KEY_FILE, secret: 'both' });
      assertScanned(await again);
      await assertDelivered(KEY_FILE);
    });

    it('writes nothing and requests no login again after a restart', async () => {
      const again = secureCodeBox.nextRun(namespace.name, 'payments');
      await bind(PUBLIC_KEYS);
      assertScanned(await again);
      await namespace.condition('payments', 'Ready', 'True Ready');
      await settled(cluster);
      await controller.process.stop();
      cloud.seen.length = 0;
      const from = (await cluster.controlPlane.auditEvents()).length;
      controller = await start();
      await settled(cluster);
      assert.deepEqual(
        cloud.seen.filter(({ host }) => host === ECR_PUBLIC_API || host === ECR_PUBLIC),
        [],
      );
      assert.deepEqual(await cluster.writesOfController(from), []);
    });

    it('delivers a key file that only Trivy can use, and sends it to no server', async () => {
      await putCredentialSecret('user', { 'key.json': JSON.stringify(AUTHORIZED_USER) }, GAR);
      cloud.seen.length = 0;
      const again = secureCodeBox.nextRun(namespace.name, 'payments');
      await namespace.binding('payments', {
        image: image(KEY_FILE),
        ...{ imagePullSecrets: [{ name: 'user' }], verification: 'Preferred' },
      });
      await namespace.condition('payments', 'CredentialVerified', 'Unknown NotCheckable');
      assertScanned(await again);
      const shown = cloud.seen.filter((request) => /canary-(?:app|refresh)/.test(JSON.stringify(request)));
      // Sent by Trivy, which is written in Go.
      assert.deepEqual(
        shown.map(({ host, headers }) => `${headers['user-agent']} ${host}`),
        ['Go-http-client/1.1 oauth2.googleapis.com'],
      );
    });

    it('sends nothing from a Secret that is not annotated with its registries, or is annotated with others', async () => {
      const tenant = await cluster.namespace();
      const data = { username: btoa('tenant'), password: btoa('canary-not-annotated') };
      const type = 'kubernetes.io/basic-auth';
      await tenant.put(SECRETS, { metadata: { name: 'theirs' }, type, data });
      await tenant.put(SECRETS, { metadata: { name: 'keys' }, type: 'Opaque', data: encoded(KEYS) });
      cloud.seen.length = 0;
      for (const name of ['theirs', 'keys']) {
        const imagePullSecrets = [{ name }];
        await tenant.binding(name, { image: `${OTHER}/${name}`, imagePullSecrets, verification: 'Required' });
        await tenant.condition(name, 'Stalled', 'True NotAnnotated');
      }
      await tenant.put(SECRETS, {
        metadata: { name: 'theirs', annotations: { [REGISTRIES_ANNOTATION]: 'registry.owner.example' } },
        ...{ type, data },
      });
      await tenant.condition('theirs', 'Ready', 'False NoMatch');
      await settled(cluster);
      const shown = cloud.seen.filter(({ host }) => host === OTHER);
      assert.notDeepEqual(shown, [], 'the controller checks whether the image is public');
      for (const { headers, body } of cloud.seen) {
        assert.equal(headers['authorization'], undefined);
        assert.doesNotMatch(body, CANARY);
      }
      const { status } = await tenant.condition('keys', 'Ready', 'False NotAnnotated');
      assert.doesNotMatch(JSON.stringify(status), CANARY);
    });
  });

  it('reveals no secret value in the log, in status or in Events', async () => {
    const { stdout: events } = await cluster.controlPlane.kubectl(['get', 'events', '-A', '-o', 'yaml']);
    const { stdout: bindings } = await cluster.controlPlane.kubectl(['get', 'icb', '-A', '-o', 'yaml']);
    assert.doesNotMatch(`${await controller.log()}${events}${bindings}`, CANARY);
  });

  async function parameter(): Promise<string | undefined> {
    return (await namespace.rawScan('payments')).spec.scanSpec.parameters?.[2];
  }

  async function filesOf(): Promise<readonly string[]> {
    const { secretName } = await namespace.bound('payments');
    const secret = await namespace.get<{ metadata: { name: string }; data?: object }>(SECRETS, secretName);
    return Object.keys(secret?.data ?? {});
  }

  /** Asserts that the scan contains what this registry needs, and nothing of the previous one. */
  async function assertDelivered(target: Target): Promise<void> {
    const {
      volumes = [],
      volumeMounts = [],
      env = [],
      parameters,
    } = (await namespace.rawScan('payments')).spec.scanSpec;
    assert.deepEqual(parameters, ['--severity', 'HIGH', `${image(target)}:1.0`, '--timeout', '9m']);
    assert.equal(volumes.length, 1);
    assert.equal(volumeMounts.length, 1);
    const entries = env as readonly { name: string; value: string }[];
    const filled = entries.filter(({ value }) => value !== '');
    assert.deepEqual(filled.map(({ name }) => name).sort(), target.env);
    const clouds = new Set(entries.map(({ name }) => CLOUD_OF[name.split('_')[0] ?? ''] ?? target.platform));
    assert.deepEqual([...clouds], [target.platform], 'no variable, even an empty one, is for another cloud');
    assert.deepEqual(await filesOf(), target.files);
    const binding = await namespace.get<{
      metadata: { name: string };
      status?: { platform?: string; credential?: { secret: { name: string } } };
    }>(imageCredentialBindings, 'payments');
    assert.equal(binding?.status?.platform, target.platform);
  }

  async function putCredentialSecret(
    name: string,
    texts: Readonly<Record<string, string>>,
    hosts: string,
  ): Promise<void> {
    const annotations = { [REGISTRIES_ANNOTATION]: hosts };
    await namespace.put(SECRETS, {
      ...{ metadata: { name, annotations }, type: 'Opaque', data: encoded(texts) },
    });
  }

  async function secrets(namespace: TestNamespace): Promise<void> {
    const auth = (user: string, password: string) => ({
      auth: Buffer.from(`${user}:${password}`).toString('base64'),
    });
    await namespace.pullSecret('ecr-pull', { [ECR]: auth('AWS', ECR_PASSWORD) });
    await namespace.pullSecret('hub-pull', { 'https://index.docker.io/v1/': auth('puller', PASSWORD) });
    await putCredentialSecret('gar-key', { 'key.json': JSON.stringify(SERVICE_ACCOUNT) }, GAR);
    await putCredentialSecret('ecr-keys', KEYS, ECR);
    await putCredentialSecret('ecr-public', KEYS, ECR_PUBLIC);
    await putCredentialSecret('acr-principal', PRINCIPAL, ACR);
    await namespace.put(SECRETS, {
      metadata: { name: 'basic', annotations: { [REGISTRIES_ANNOTATION]: OTHER } },
      type: 'kubernetes.io/basic-auth',
      data: encoded({ username: 'puller', password: PASSWORD }),
    });
  }
});

function encoded(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  );
}

function assertScanned(run: ScanRun): void {
  assert.equal(run.state, 'Done', run.log);
  const results = run.results as { Metadata?: { ImageID?: string } } | undefined;
  assert.match(results?.Metadata?.ImageID ?? '', /^sha256:[0-9a-f]{64}$/);
}
