import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../../src/api/index.ts';
import type { KubeObject } from '../../../src/object/object.ts';
import { REGISTRIES_ANNOTATION } from '../../../src/platform/offer.ts';
import type { RawScheduledScan } from '../../../src/scan/scheduled-scan.ts';
import {
  Cluster,
  SCHEDULED_SCANS,
  SECRETS,
  type Secret,
  secretNameOf,
  settled,
  type TestNamespace,
} from '../../support/cluster/cluster.ts';

const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
const GAR = 'europe-docker.pkg.dev';
type Home = typeof ECR | typeof GAR;
const HOST_ANNOTATION = 'credentials.securecodebox.io/host';

const ENTRIES = { [ECR]: 'AWS:canary-ecr', [GAR]: '_json_key:canary-gar' };
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const OFFERED: Readonly<Record<Home, Readonly<Record<string, string>>>> = {
  [ECR]: {
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'canary/SecretAccessKey+0123456789',
    // Also where the keys could be handed over for any host.
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

/** One and the same secret, with what the image needs in one home or the other; and how Trivy is handed that. */
interface Kind {
  readonly put: (namespace: TestNamespace, home: Home) => Promise<void>;
  /** What the environment of a scan in this home has, and in the other has not. */
  readonly env: Readonly<Record<Home, string>>;
  /** What a file of the Trivy secret for this home has, and that for the other has not. */
  readonly content: Readonly<Record<Home, string>>;
}

const KINDS: Readonly<Record<string, Kind>> = {
  'a pull secret': {
    put: (namespace, home) =>
      namespace.pullSecret('pull', { [home]: { auth: Buffer.from(ENTRIES[home]).toString('base64') } }),
    env: { [ECR]: 'AWS_EC2_METADATA_DISABLED', [GAR]: 'GOOGLE_APPLICATION_CREDENTIALS' },
    content: {
      [ECR]: `"${ECR}":{"auth":"${btoa(ENTRIES[ECR])}"}`,
      [GAR]: `"${GAR}":{"auth":"${btoa(ENTRIES[GAR])}"}`,
    },
  },
  'a secret that is offered to both': {
    put: async (namespace, home) => {
      const annotations = { [REGISTRIES_ANNOTATION]: `${ECR},${GAR}` };
      const data = Object.fromEntries(
        Object.entries(OFFERED[home]).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
      );
      await namespace.put(SECRETS, { metadata: { name: 'pull', annotations }, type: 'Opaque', data });
    },
    env: { [ECR]: 'aws-credentials', [GAR]: 'google-key.json' },
    content: { [ECR]: 'aws_secret_access_key', [GAR]: 'service_account' },
  },
};

/** A change, and what the controller makes of it. */
type Step = () => Promise<void>;
/** When the content of the secret changes. */
const ORDERS: Readonly<Record<string, (secret: Step, binding: Step) => Promise<void>>> = {
  before: (secret, binding) => secret().then(binding),
  with: async (secret, binding) => {
    await Promise.all([secret(), binding()]);
  },
  after: (secret, binding) => binding().then(secret),
};

describe('a switch between clouds with one secret, whose content changes', () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await Cluster.start();
    await cluster.startController();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  for (const [name, kind, change] of cases()) {
    it(`${name}; image and credential belong together in each version of the scan`, async () => {
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

      for (const home of [GAR, ECR] as const) {
        await change(
          () => kind.put(namespace, home).then(() => settled(cluster)),
          () => bind(namespace, home).then(() => settled(cluster)),
        );
        await namespace.condition('app', 'Ready', 'True Ready');
        assert.equal(migratedImage(await namespace.rawScan('scan')), home);
      }
      assert.equal(JSON.stringify((await namespace.rawScan('scan')).spec), JSON.stringify(spec));
      // What the API server has sent for these resources.
      const scanVersions = (await scans.stop()) as readonly KubeObject[] as readonly RawScheduledScan[];
      const secretVersions: readonly Secret[] = await secrets.stop();
      assert.equal(scanVersions.length, 3, 'as it was, there, and back');
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

/** There by what it replaces, and back by a change of its image alone. */
async function bind(namespace: TestNamespace, home: Home): Promise<void> {
  const replaces = home === GAR ? [`${ECR}/shop/app`] : [];
  await namespace.binding('app', { image: `${home}/shop/app`, replaces });
}

function migratedImage({ spec }: RawScheduledScan): Home {
  return spec.scanSpec.parameters[1]?.startsWith(ECR) === true ? ECR : GAR;
}

/** The scan is handed what its image needs, and nothing of the other home. */
function assertFits(scan: RawScheduledScan, secrets: readonly Secret[], { env }: Kind): void {
  const home = migratedImage(scan);
  const mounted = secrets.find(({ metadata }) => metadata.name === secretNameOf(scan));
  assert.equal(mounted?.metadata.annotations?.[HOST_ANNOTATION], home);
  const entries = JSON.stringify(scan.spec.scanSpec.env);
  assert.ok(entries.includes(env[home]), entries);
  assert.ok(!entries.includes(env[home === ECR ? GAR : ECR]), entries);
}

/** A Trivy secret for a home never holds what is for the other. */
function assertHolds({ metadata, data = {} }: Secret, { content }: Kind): void {
  const home = metadata.annotations?.[HOST_ANNOTATION] === ECR ? ECR : GAR;
  const [text = '', ...others] = Object.values(data).map((value) => Buffer.from(value, 'base64').toString());
  assert.ok(others.length === 0 && text.includes(content[home]), `something else for ${home}`);
}
