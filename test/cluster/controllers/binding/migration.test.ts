import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../../../src/api/index.ts';
import type { KubeObject } from '../../../../src/object/object.ts';
import { REGISTRIES_ANNOTATION } from '../../../../src/platform/registries-annotation.ts';
import type { RawScheduledScan } from '../../../../src/scan/scheduled-scan.ts';
import {
  Cluster,
  SCHEDULED_SCANS,
  SECRETS,
  type Secret,
  secretNameOf,
  settled,
  type TestNamespace,
} from '../../../support/cluster/cluster.ts';

const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
const GAR = 'europe-docker.pkg.dev';
type Registry = typeof ECR | typeof GAR;
const HOST_ANNOTATION = 'credentials.securecodebox.io/host';

const ENTRIES = { [ECR]: 'AWS:canary-ecr', [GAR]: '_json_key:canary-gar' };
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const CREDENTIALS: Readonly<Record<Registry, Readonly<Record<string, string>>>> = {
  [ECR]: {
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'canary/SecretAccessKey+0123456789',
    // Lets Trivy use the keys for any host.
    AWS_REGION: 'eu-central-1',
  },
  [GAR]: {
    'key.json': JSON.stringify({
      type: 'service_account',
      private_key_id: 'key-1',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      client_email: 'puller@acme.iam.gserviceaccount.com',
    }),
  },
};

/** One kind of Secret, with the content that each registry needs, and how that content reaches Trivy. */
interface Kind {
  readonly put: (namespace: TestNamespace, host: Registry) => Promise<void>;
  /** What the environment of a scan contains for this registry only. */
  readonly env: Readonly<Record<Registry, string>>;
  /** What a file of the Trivy Secret contains for this registry only. */
  readonly content: Readonly<Record<Registry, string>>;
}

const KINDS: Readonly<Record<string, Kind>> = {
  'a pull secret': {
    put: (namespace, host) =>
      namespace.pullSecret('pull', { [host]: { auth: Buffer.from(ENTRIES[host]).toString('base64') } }),
    env: { [ECR]: 'AWS_EC2_METADATA_DISABLED', [GAR]: 'GOOGLE_APPLICATION_CREDENTIALS' },
    content: {
      [ECR]: `"${ECR}":{"auth":"${btoa(ENTRIES[ECR])}"}`,
      [GAR]: `"${GAR}":{"auth":"${btoa(ENTRIES[GAR])}"}`,
    },
  },
  'a credential Secret for both registries': {
    put: async (namespace, host) => {
      const annotations = { [REGISTRIES_ANNOTATION]: `${ECR},${GAR}` };
      const data = Object.fromEntries(
        Object.entries(CREDENTIALS[host]).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
      );
      await namespace.put(SECRETS, { metadata: { name: 'pull', annotations }, type: 'Opaque', data });
    },
    env: { [ECR]: 'aws-credentials', [GAR]: 'google-key.json' },
    content: { [ECR]: 'aws_secret_access_key', [GAR]: 'service_account' },
  },
};

/** A change, including what the controller does in response. */
type Step = () => Promise<void>;
/** When the Secret's content changes, relative to the binding. */
const ORDERS: Readonly<Record<string, (secret: Step, binding: Step) => Promise<void>>> = {
  before: (secret, binding) => secret().then(binding),
  with: async (secret, binding) => {
    await Promise.all([secret(), binding()]);
  },
  after: (secret, binding) => binding().then(secret),
};

describe('a platform switch that keeps one Secret and changes its content', () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await Cluster.start();
    await cluster.startController();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  for (const [name, kind, change] of cases()) {
    it(`keeps image and credential consistent in each version of the scan if the Secret changes ${name}`, async () => {
      const namespace = await cluster.namespace();
      await kind.put(namespace, ECR);
      await bind(namespace, ECR);
      await namespace.scan('scan', ['--quiet', `${ECR}/shop/app:1`, '--timeout', '9m']);
      await namespace.bound('scan');
      await settled(cluster);
      const { spec } = await namespace.rawScan('scan');
      const scans = namespace.record(SCHEDULED_SCANS);
      const ours = `${MANAGED_BY_LABEL}=${MANAGED_BY}`;
      const secrets = namespace.record(SECRETS, ours);

      for (const host of [GAR, ECR] as const) {
        await change(
          () => kind.put(namespace, host).then(() => settled(cluster)),
          () => bind(namespace, host).then(() => settled(cluster)),
        );
        await namespace.condition('app', 'Ready', 'True Ready');
        assert.equal(migratedImage(await namespace.rawScan('scan')), host);
      }
      assert.equal(JSON.stringify((await namespace.rawScan('scan')).spec), JSON.stringify(spec));
      // The API server sends exactly these resources.
      const scanVersions = (await scans.stop()) as readonly KubeObject[] as readonly RawScheduledScan[];
      const secretVersions: readonly Secret[] = await secrets.stop();
      assert.equal(scanVersions.length, 3, 'the original, migrated to Google, migrated back to AWS');
      for (const version of scanVersions) assertFits(version, secretVersions, kind);
      for (const version of secretVersions) assertHolds(version, kind);
    });
  }
});

function cases() {
  return Object.entries(KINDS).flatMap(([name, kind]) =>
    Object.entries(ORDERS).map(([order, change]) => [`${order} the binding: ${name}`, kind, change] as const),
  );
}

/** Migrates to Google with `spec.replaces`, and back to AWS by a change of the image alone. */
async function bind(namespace: TestNamespace, host: Registry): Promise<void> {
  const replaces = host === GAR ? [`${ECR}/shop/app`] : [];
  await namespace.binding('app', { image: `${host}/shop/app`, replaces });
}

function migratedImage({ spec }: RawScheduledScan): Registry {
  return spec.scanSpec.parameters[1]?.startsWith(ECR) === true ? ECR : GAR;
}

/** The scan receives what its image needs, and nothing for the other registry. */
function assertFits(scan: RawScheduledScan, secrets: readonly Secret[], { env }: Kind): void {
  const host = migratedImage(scan);
  const mounted = secrets.find(({ metadata }) => metadata.name === secretNameOf(scan));
  assert.equal(mounted?.metadata.annotations?.[HOST_ANNOTATION], host);
  const entries = JSON.stringify(scan.spec.scanSpec.env);
  assert.ok(entries.includes(env[host]), entries);
  assert.ok(!entries.includes(env[host === ECR ? GAR : ECR]), entries);
}

/** The Trivy Secret for one registry never contains anything for the other. */
function assertHolds({ metadata, data = {} }: Secret, { content }: Kind): void {
  const host = metadata.annotations?.[HOST_ANNOTATION] === ECR ? ECR : GAR;
  const [text = '', ...others] = Object.values(data).map((value) => Buffer.from(value, 'base64').toString());
  assert.ok(others.length === 0 && text.includes(content[host]), `something else for ${host}`);
}
