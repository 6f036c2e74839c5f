/**
 * Each platform and each form of Secret, with the real Trivy and a real registry under the clouds' real host names. The
 * clouds' own services (GetAuthorizationToken, Google's and Microsoft's token endpoints) are stand-ins on loopback.
 */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Certificate, makeCertificate } from '../../../hack/testenv/certificate.ts';
import { Cloud } from '../../../hack/testenv/cloud.ts';
import { ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';
import { type Registry, startRegistry } from '../../../hack/testenv/registry/registry.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import type { LoginAnswer } from '../../../src/answer/login-answer.ts';
import type { Credential } from '../../../src/credential/credential.ts';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { parseImageReference } from '../../../src/image/reference.ts';
import { authByLogin, exchangeOf, planDelivery } from '../../../src/platform/access.ts';
import { readCredential } from '../../../src/platform/credential-reader.ts';
import type { PlatformCredential } from '../../../src/platform/platform-credential.ts';
import { MOUNT_PATH, type TrivyAuth } from '../../../src/platform/trivy-auth.ts';
import { RegistryChecker } from '../../../src/registry/checker.ts';
import { type CheckContext, trust } from '../../../src/registry/http/check-context.ts';
import { Lookups } from '../../../src/registry/http/lookups.ts';
import { exchangeLogin } from '../../../src/registry/login/exchange.ts';
import { DEFAULT_REGISTRY_SETTINGS, type RegistrySettings } from '../../../src/registry/settings.ts';
import {
  ACR,
  ACR_REFRESH_TOKEN,
  ACR_US,
  AUTHORIZED_USER,
  DB,
  ECR,
  ECR_API,
  ECR_PASSWORD,
  ECR_PUBLIC,
  ECR_PUBLIC_API,
  ECR_PUBLIC_DUAL,
  GAR,
  GAR_REGIONAL,
  GOOGLE_TOKEN,
  HUB,
  KEYS,
  NO_USER,
  OTHER,
  OWN,
  PASSWORD,
  PRINCIPAL,
  SERVICE_ACCOUNT,
  SESSION,
  SITES,
  SUBJECT_TOKEN,
} from '../../support/clouds.ts';

/** Variables that a scan may already have and that Trivy would prefer. No request may contain them. */
const STALE = {
  TRIVY_USERNAME: 'stale',
  TRIVY_PASSWORD: 'stale',
  AWS_ACCESS_KEY_ID: 'AKIASTALESTALESTALE0',
  AWS_SECRET_ACCESS_KEY: 'stale',
  AWS_SESSION_TOKEN: 'stale',
  AWS_PROFILE: 'stale',
  AZURE_TENANT_ID: 'stale',
  AZURE_CLIENT_ID: 'stale',
  AZURE_CLIENT_SECRET: 'stale',
  // Docker's library, which Trivy uses, prefers this to the file.
  DOCKER_AUTH_CONFIG: JSON.stringify({
    auths: Object.fromEntries(
      [...Object.keys(SITES).filter((host) => host !== DB), 'https://index.docker.io/v1/'].map((host) => [
        host,
        { auth: btoa('stale:stale') },
      ]),
    ),
  }),
};

function credentialOf(
  texts: Readonly<Record<string, string>>,
  host: string,
  type = 'Opaque',
): PlatformCredential {
  const data = Object.fromEntries(
    Object.entries(texts).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
  const secret = readCredential({ type, data }, { 'credentials.securecodebox.io/registries': host });
  if (secret.result !== 'Credential')
    throw new Error(`expected a credential, found ${JSON.stringify(secret)}`);
  return secret.credential;
}

const basic = (username: string, password: string): Credential => ({
  kind: 'basic',
  username: new SecretValue(username),
  password: new SecretValue(password),
});
const basicAuth = (username: string, password: string, host: string) =>
  credentialOf({ username, password }, host, 'kubernetes.io/basic-auth');
const keyFile = (document: object, host: string) =>
  credentialOf({ 'key.json': JSON.stringify(document) }, host);

interface Case {
  readonly name: string;
  readonly host: string;
  /** The credential of a pull secret, or else the credential Secret in `secret`. */
  readonly pullSecret?: Credential;
  readonly secret?: () => PlatformCredential;
  /** The clouds' services that Trivy or the controller must have called. */
  readonly calls?: readonly string[];
}

let group: ProcessGroup;
let directory: string;
let certificate: Certificate;
let registry: Registry;
let cloud: Cloud;
let trivy: string;
const externalAccount = () => ({
  type: 'external_account',
  audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  token_url: 'https://sts.googleapis.com/v1/token',
  credential_source: { file: join(directory, 'subject-token') },
});

before(async () => {
  const log = (line: string) => process.stderr.write(`${line}\n`);
  group = await ProcessGroup.start();
  ({ trivy } = await tools(['trivy'], log));
  certificate = await makeCertificate(group, Object.keys(SITES), { log });
  registry = await startRegistry({ group, log });
  await registry.pushImage('shop/payments:1.0', { 'app/hello.txt': 'hello' });
  cloud = await Cloud.start(certificate, SITES, registry.host);
  directory = await mkdtemp(join(group.directory, 'platforms-'));
  await writeFile(join(directory, 'ca.pem'), certificate.ca);
  await writeFile(join(directory, 'subject-token'), SUBJECT_TOKEN);
  const stale = { ...AUTHORIZED_USER, refresh_token: 'stale' };
  await writeFile(join(directory, 'stale.json'), JSON.stringify(stale));
});
after(async () => {
  await cloud?.[Symbol.asyncDispose]();
  await group?.stop();
});

/** Letter case does not matter in DNS, but Trivy compares hosts with it. */
const MIXED = {
  ecr: '123456789012.dkr.ecr.EU-Central-1.amazonaws.com',
  gar: 'Europe-docker.pkg.dev',
  acr: 'Acme.azurecr.io',
};

const CASES: readonly Case[] = [
  {
    name: 'AWS keys for a host with capital letters',
    host: MIXED.ecr,
    secret: () => credentialOf(KEYS, MIXED.ecr),
    calls: [ECR_API],
  },
  {
    name: 'a pull secret of ECR for a host with capital letters',
    host: MIXED.ecr,
    pullSecret: basic('AWS', ECR_PASSWORD),
  },
  {
    name: 'a service account for a host with capital letters',
    host: MIXED.gar,
    secret: () => keyFile(SERVICE_ACCOUNT, MIXED.gar),
  },
  {
    name: 'a pull secret of Artifact Registry for a host with capital letters',
    host: MIXED.gar,
    pullSecret: basic('_json_key', JSON.stringify(SERVICE_ACCOUNT)),
  },
  {
    name: 'a service principal for a host with capital letters',
    host: MIXED.acr,
    secret: () => credentialOf(PRINCIPAL, MIXED.acr),
  },
  { name: 'a pull secret of Docker Hub', host: HUB, pullSecret: basic('puller', PASSWORD) },
  { name: 'basic-auth of any registry', host: OTHER, secret: () => basicAuth('puller', PASSWORD, OTHER) },
  { name: 'a pull secret of ECR', host: ECR, pullSecret: basic('AWS', ECR_PASSWORD) },
  { name: 'basic-auth of ECR', host: ECR, secret: () => basicAuth('AWS', ECR_PASSWORD, ECR) },
  { name: 'a pull secret of ECR Public', host: ECR_PUBLIC, pullSecret: basic('AWS', ECR_PASSWORD) },
  { name: 'AWS keys', host: ECR, secret: () => credentialOf(KEYS, ECR), calls: [ECR_API] },
  {
    name: 'AWS keys with a session token',
    host: ECR,
    secret: () => credentialOf(SESSION, ECR),
    calls: [ECR_API],
  },
  {
    name: 'AWS keys with a session token for ECR Public',
    host: ECR_PUBLIC,
    secret: () => credentialOf(SESSION, ECR_PUBLIC),
    calls: [ECR_PUBLIC_API],
  },
  {
    name: 'AWS keys for ECR Public',
    host: ECR_PUBLIC,
    secret: () => credentialOf(KEYS, ECR_PUBLIC),
    calls: [ECR_PUBLIC_API],
  },
  {
    name: 'AWS keys for ECR Public on its dual-stack host',
    host: ECR_PUBLIC_DUAL,
    secret: () => credentialOf(KEYS, ECR_PUBLIC_DUAL),
    calls: [ECR_PUBLIC_API],
  },
  {
    name: 'AWS keys for ECR under a custom host name',
    host: OWN.ecr,
    secret: () => credentialOf({ ...KEYS, AWS_REGION: 'eu-central-1' }, OWN.ecr),
    calls: [ECR_API],
  },
  {
    name: 'a pull secret with a service account',
    host: GAR,
    pullSecret: basic('_json_key', JSON.stringify(SERVICE_ACCOUNT)),
  },
  {
    name: 'a pull secret with an access token of Google',
    host: GAR,
    pullSecret: basic('oauth2accesstoken', GOOGLE_TOKEN),
  },
  {
    name: 'basic-auth of Artifact Registry',
    host: GAR,
    secret: () => basicAuth('_json_key', JSON.stringify(SERVICE_ACCOUNT), GAR),
  },
  { name: 'a service account', host: GAR, secret: () => keyFile(SERVICE_ACCOUNT, GAR) },
  {
    name: 'a service account for a regional host',
    host: GAR_REGIONAL,
    secret: () => keyFile(SERVICE_ACCOUNT, GAR_REGIONAL),
  },
  {
    name: 'a service account for Artifact Registry under a custom host name',
    host: OWN.gar,
    secret: () => keyFile(SERVICE_ACCOUNT, OWN.gar),
  },
  {
    name: 'an authorized user',
    host: GAR,
    secret: () => keyFile(AUTHORIZED_USER, GAR),
    calls: ['oauth2.googleapis.com'],
  },
  {
    name: 'an external account',
    host: GAR,
    secret: () => keyFile(externalAccount(), GAR),
    calls: ['sts.googleapis.com'],
  },
  { name: 'a pull secret with a token of ACR', host: ACR, pullSecret: basic(NO_USER, ACR_REFRESH_TOKEN) },
  {
    name: 'a pull secret with a service principal',
    host: ACR,
    pullSecret: basic(PRINCIPAL.AZURE_CLIENT_ID, PRINCIPAL.AZURE_CLIENT_SECRET),
  },
  {
    name: 'basic-auth of ACR',
    host: ACR,
    secret: () => basicAuth(PRINCIPAL.AZURE_CLIENT_ID, PRINCIPAL.AZURE_CLIENT_SECRET, ACR),
  },
  { name: 'a service principal', host: ACR, secret: () => credentialOf(PRINCIPAL, ACR) },
  {
    name: 'a service principal in the US cloud',
    host: ACR_US,
    secret: () => credentialOf(PRINCIPAL, ACR_US),
  },
  {
    name: 'a service principal for ACR under a custom host name',
    host: OWN.acr,
    secret: () => credentialOf(PRINCIPAL, OWN.acr),
  },
];

/** What src/platform delivers to Trivy, after an exchange for a login if src/platform requires one. */
async function trivyAuthOf({ host, pullSecret, secret }: Case): Promise<TrivyAuth> {
  if (pullSecret !== undefined || secret === undefined)
    return authByLogin(pullSecret ?? basic('', ''), hostInImage(host));
  const delivery = planDelivery(secret(), host);
  if (delivery.result === 'TrivyAuth') return delivery.trivyAuth;
  if (delivery.result === 'Undeliverable') throw new Error(delivery.message);
  const exchange = exchangeOf(secret(), host);
  assert.ok(exchange !== undefined);
  const answer = await exchangeLogin(exchange, checkContext(), 'shop');
  if (answer.result !== 'Login') throw new Error(`expected a login, found ${JSON.stringify(answer)}`);
  return authByLogin(answer.credential, host);
}

function hostInImage(host: string): string {
  return host === HUB ? 'docker.io' : host;
}

function settings(): RegistrySettings {
  return {
    ...DEFAULT_REGISTRY_SETTINGS,
    certificateAuthorities: certificate.ca,
    proxy: { httpsProxy: cloud.proxy },
  };
}

function checkContext(): CheckContext {
  const stop = new AbortController().signal;
  return {
    settings: settings(),
    secureContext: trust(certificate.ca),
    stop,
    onRequest: () => undefined,
    onError: (error) => assert.fail(String(error)),
    lookups: new Lookups(settings()),
  };
}

/** Runs Trivy as a scan with this delivery would, with the files in another folder. */
async function runTrivy({ files, env }: TrivyAuth, host: string, scanners: 'secret' | 'vuln') {
  const mount = await mkdtemp(join(directory, 'mount-'));
  for (const [name, value] of Object.entries(files)) await writeFile(join(mount, name), value.reveal());
  const cache = join(mount, 'cache');
  await mkdir(cache);
  const relocated = env.map(({ name, value }) => [name, value.replace(MOUNT_PATH, mount)]);
  const args = [
    'image',
    '--image-src',
    'remote',
    '--scanners',
    scanners,
    '--skip-version-check',
    '--disable-telemetry',
  ];
  return group.run(
    trivy,
    [
      ...args,
      '--no-progress',
      '--format',
      'json',
      '--cache-dir',
      cache,
      `${hostInImage(host)}/shop/payments:1.0`,
    ],
    {
      env: {
        HTTPS_PROXY: cloud.proxy,
        SSL_CERT_FILE: join(directory, 'ca.pem'),
        TRIVY_DB_REPOSITORY: `${DB}/trivy-db:2`,
        ...STALE,
        GOOGLE_APPLICATION_CREDENTIALS: join(directory, 'stale.json'),
        ...Object.fromEntries(relocated),
      },
    },
  );
}

describe('Trivy with the delivery of src/platform', () => {
  for (const each of CASES) {
    it(`pulls with ${each.name}`, async () => {
      cloud.seen.length = 0;
      const trivyAuth = await trivyAuthOf(each);
      const { code, stdout, stderr } = await runTrivy(trivyAuth, each.host, 'secret');
      assert.equal(code, 0, stderr);
      assert.match(JSON.parse(stdout).Metadata.ImageID, /^sha256:[0-9a-f]{64}$/);
      const hosts = new Set(cloud.seen.map(({ host }) => host));
      assert.deepEqual([...hosts].sort(), [each.host.toLowerCase(), ...(each.calls ?? [])].sort());
      assertNothingStale();
    });

    it(`sends no credential to another registry with ${each.name}`, async () => {
      cloud.seen.length = 0;
      const { code } = await runTrivy(await trivyAuthOf(each), each.host, 'vuln');
      assert.notEqual(code, 0, 'the registry of the database refuses the download');
      const shown = cloud.seen.filter(({ host }) => host === DB);
      assert.notDeepEqual(shown, []);
      for (const { headers, url, body } of shown) {
        assert.equal(headers['authorization'], undefined);
        assert.doesNotMatch(JSON.stringify([headers, url.href, body]), /canary/);
      }
      assertNothingStale();
    });
  }

  it('does not pull with a wrong credential', async () => {
    for (const host of [OTHER, ECR, GAR, ACR]) {
      const { code, stderr } = await runTrivy(authByLogin(basic('nobody', 'wrong'), host), host, 'secret');
      assert.equal(code, 1);
      assert.match(stderr, /UNAUTHORIZED|401/);
    }
  });
});

function assertNothingStale(): void {
  for (const { headers, body, login: shown } of cloud.seen) {
    assert.doesNotMatch(JSON.stringify([headers, body, shown]), /stale/i);
  }
}

describe('a check of a cloud credential', () => {
  const image = (host: string) => parseImageReference(`${host}/shop/payments:1.0`);
  const login = async (secret: PlatformCredential, host: string): Promise<LoginAnswer> => {
    const { check } = secret.accessTo(host);
    assert.equal(check.way, 'Exchange');
    if (check.way !== 'Exchange') throw new Error('expected an exchange');
    return exchangeLogin(check.exchange, checkContext(), 'shop');
  };

  for (const { name, host, secret } of [
    { name: 'AWS keys', host: ECR, secret: () => credentialOf(KEYS, ECR) },
    { name: 'AWS keys with a session token', host: ECR, secret: () => credentialOf(SESSION, ECR) },
    { name: 'AWS keys for ECR Public', host: ECR_PUBLIC, secret: () => credentialOf(KEYS, ECR_PUBLIC) },
    {
      name: 'AWS keys for ECR under a custom host name',
      host: OWN.ecr,
      secret: () => credentialOf({ ...KEYS, AWS_REGION: 'eu-central-1' }, OWN.ecr),
    },
    { name: 'a service account', host: GAR, secret: () => keyFile(SERVICE_ACCOUNT, GAR) },
    {
      name: 'a service account for a regional host',
      host: GAR_REGIONAL,
      secret: () => keyFile(SERVICE_ACCOUNT, GAR_REGIONAL),
    },
    { name: 'a service principal', host: ACR, secret: () => credentialOf(PRINCIPAL, ACR) },
    {
      name: 'a service principal in the US cloud',
      host: ACR_US,
      secret: () => credentialOf(PRINCIPAL, ACR_US),
    },
    {
      name: 'AWS keys for a host with capital letters',
      host: MIXED.ecr,
      secret: () => credentialOf(KEYS, MIXED.ecr),
    },
    {
      name: 'a service principal for a host with capital letters',
      host: MIXED.acr,
      secret: () => credentialOf(PRINCIPAL, MIXED.acr),
    },
  ]) {
    it(`exchanges ${name} for a login that the registry accepts`, async () => {
      cloud.seen.length = 0;
      const answer = await login(secret(), host);
      if (answer.result !== 'Login') throw new Error(`expected a login, found ${JSON.stringify(answer)}`);
      const checker = new RegistryChecker({ settings: settings(), onRequest: () => undefined });
      const known = await checker.check({ image: image(host), credential: answer.credential }, 'shop');
      assert.equal(known.answer.result, 'Pullable');
      const toRegistry = JSON.stringify(cloud.seen.filter((request) => request.host === host.toLowerCase()));
      const longLived = [
        KEYS.AWS_SECRET_ACCESS_KEY,
        SERVICE_ACCOUNT.private_key_id,
        PRINCIPAL.AZURE_CLIENT_SECRET,
      ];
      for (const value of longLived)
        assert.ok(!toRegistry.includes(value), 'the registry never receives a long-lived credential');
    });
  }

  for (const { name, host, secret, httpCode } of [
    {
      name: 'AWS keys',
      host: ECR,
      secret: () => credentialOf({ ...KEYS, AWS_SECRET_ACCESS_KEY: 'wrong/SecretAccessKey0' }, ECR),
      httpCode: 400,
    },
    {
      name: 'a service account',
      host: GAR,
      secret: () => keyFile({ ...SERVICE_ACCOUNT, private_key: otherKey() }, GAR),
      httpCode: 400,
    },
    {
      name: 'a service principal',
      host: ACR,
      secret: () => credentialOf({ ...PRINCIPAL, AZURE_CLIENT_SECRET: 'wrong' }, ACR),
      httpCode: 401,
    },
  ]) {
    it(`reports that the cloud refuses ${name}`, async () => {
      assert.deepEqual(await login(secret(), host), { result: 'Denied', httpCode, at: 'token' });
    });
  }
});

function otherKey(): string {
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
}
