import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Credential } from '../../../src/credential/credential.ts';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { authByLogin, planDelivery } from '../../../src/platform/access.ts';
import { MOUNT_PATH, type TrivyAuth } from '../../../src/platform/trivy-auth.ts';
import {
  AUTHORIZED_USER,
  AWS_KEYS,
  CANARY,
  credentialIn,
  EXTERNAL_ACCOUNT,
  keyFile,
  SERVICE_ACCOUNT,
  SERVICE_PRINCIPAL,
} from './credential-secrets.ts';

const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
const GAR = 'europe-docker.pkg.dev';
const ACR = 'acme.azurecr.io';
const TRIVY_OFF = { TRIVY_USERNAME: '', TRIVY_PASSWORD: '', TRIVY_REGISTRY_TOKEN: '' };
const SDK_OFF = {
  AWS_ACCESS_KEY_ID: '',
  AWS_ACCESS_KEY: '',
  AWS_SECRET_ACCESS_KEY: '',
  AWS_SECRET_KEY: '',
  AWS_SESSION_TOKEN: '',
  AWS_PROFILE: '',
  AWS_DEFAULT_PROFILE: '',
  AWS_CONFIG_FILE: '',
  AWS_SHARED_CREDENTIALS_FILE: '',
  AWS_ROLE_ARN: '',
  AWS_WEB_IDENTITY_TOKEN_FILE: '',
  AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '',
  AWS_CONTAINER_CREDENTIALS_FULL_URI: '',
  AWS_EC2_METADATA_DISABLED: 'true',
};
const CONFIG = { DOCKER_CONFIG: MOUNT_PATH, DOCKER_AUTH_CONFIG: '', ...TRIVY_OFF };
const login: Credential = {
  kind: 'basic',
  username: new SecretValue('u'),
  password: new SecretValue(CANARY),
};

function envOf({ env }: TrivyAuth): object {
  assert.equal(new Set(env.map(({ name }) => name)).size, env.length, 'each variable once');
  assert.ok(!JSON.stringify(env).includes(CANARY));
  return Object.fromEntries(env.map(({ name, value }) => [name, value]));
}

function filesOf({ files }: TrivyAuth): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(files).map(([name, value]) => [name, value.reveal()]));
}

function loginIn(trivyAuth: TrivyAuth, host: string): string {
  const config = JSON.parse(filesOf(trivyAuth)['config.json'] ?? '');
  assert.deepEqual(Object.keys(config.auths), [host]);
  return Buffer.from(config.auths[host].auth, 'base64').toString();
}

function delivered(texts: Readonly<Record<string, string>>, host: string, type?: string): TrivyAuth {
  const delivery = planDelivery(credentialIn(texts, type), host);
  if (delivery.result !== 'TrivyAuth') throw new Error(`expected TrivyAuth, found ${delivery.result}`);
  return delivery.trivyAuth;
}

describe('delivery to Trivy', () => {
  const platforms: readonly (readonly [host: string, others: object])[] = [
    ['reg.example', {}],
    [ECR, SDK_OFF],
    ['public.ecr.aws', SDK_OFF],
    [GAR, { GOOGLE_APPLICATION_CREDENTIALS: '' }],
    [ACR, { AZURE_TENANT_ID: '' }],
    ['123456789012.dkr.ecr.EU-Central-1.amazonaws.com', SDK_OFF],
    ['EU.gcr.io', { GOOGLE_APPLICATION_CREDENTIALS: '' }],
    ['MyRegistry.azurecr.io', { AZURE_TENANT_ID: '' }],
  ];
  for (const [host, others] of platforms) {
    it(`writes a config.json for a pull secret of ${host}, and disables the cloud's own credential sources`, () => {
      const trivyAuth = authByLogin(login, host);
      assert.equal(loginIn(trivyAuth, host), `u:${CANARY}`);
      assert.deepEqual(envOf(trivyAuth), { ...CONFIG, ...others });
    });

    it(`writes the same for a basic-auth Secret of ${host}`, () => {
      const trivyAuth = delivered({ username: 'u', password: CANARY }, host, 'kubernetes.io/basic-auth');
      assert.deepEqual(
        [filesOf(trivyAuth), trivyAuth.env],
        [filesOf(authByLogin(login, host)), authByLogin(login, host).env],
      );
    });

    it(`writes the same for a service principal of ${host}, because ACR accepts it as a login`, () => {
      const { ClientID, ClientSecret } = SERVICE_PRINCIPAL;
      const trivyAuth = delivered(SERVICE_PRINCIPAL, host);
      assert.equal(loginIn(trivyAuth, host), `${ClientID}:${ClientSecret}`);
      assert.deepEqual(envOf(trivyAuth), { ...CONFIG, ...others });
    });
  }

  it('writes a credentials file for AWS keys, and disables everything that the SDK would prefer', () => {
    const trivyAuth = delivered({ ...AWS_KEYS, 'session-token': AWS_KEYS['secret-access-key'] }, ECR);
    assert.deepEqual(filesOf(trivyAuth), {
      'aws-credentials':
        `[default]\naws_access_key_id = ${AWS_KEYS['access-key']}\naws_secret_access_key = ` +
        `${AWS_KEYS['secret-access-key']}\naws_session_token = ${AWS_KEYS['secret-access-key']}\n`,
    });
    const pointer = { AWS_SHARED_CREDENTIALS_FILE: `${MOUNT_PATH}/aws-credentials` };
    assert.deepEqual(envOf(trivyAuth), { ...TRIVY_OFF, ...SDK_OFF, ...pointer });
  });

  for (const [name, document] of Object.entries({ SERVICE_ACCOUNT, AUTHORIZED_USER, EXTERNAL_ACCOUNT })) {
    it(`writes a Google key file (${name}) with only the known fields`, () => {
      const shadowed = { ...document, Token_Uri: 'https://evil.com', TOKEN_URL: 'https://evil.com' };
      const trivyAuth = delivered(keyFile(shadowed), GAR);
      const file = filesOf(trivyAuth)['google-key.json'] ?? '';
      assert.ok(!file.includes('evil.com'), 'Go matches fields in any letter case');
      assert.deepEqual(
        JSON.parse(file),
        Object.fromEntries(
          Object.entries(document).filter(
            ([field]) => !['client_id', 'auth_uri'].includes(field) || name === 'AUTHORIZED_USER',
          ),
        ),
      );
      const pointer = { GOOGLE_APPLICATION_CREDENTIALS: `${MOUNT_PATH}/google-key.json` };
      assert.deepEqual(envOf(trivyAuth), { ...TRIVY_OFF, ...pointer });
    });
  }

  it('replaces the token_uri of an old key file with the current one', () => {
    const old = { ...SERVICE_ACCOUNT, token_uri: 'https://accounts.google.com/o/oauth2/token' };
    const file = filesOf(delivered(keyFile(old), GAR))['google-key.json'] ?? '';
    assert.equal(JSON.parse(file).token_uri, 'https://oauth2.googleapis.com/token');
  });

  for (const host of ['docker.europe-west3.rep.pkg.dev', 'mirror.gcr.io', 'images.acme.example']) {
    it(`writes a config.json for a service account of ${host}, which Trivy does not recognize as Google`, () => {
      const shown = loginIn(delivered(keyFile(SERVICE_ACCOUNT), host), host);
      assert.ok(shown.startsWith('_json_key:{"type":"service_account"'));
    });

    it(`refuses other key files for ${host} with a reason`, () => {
      for (const document of [AUTHORIZED_USER, EXTERNAL_ACCOUNT]) {
        const delivery = planDelivery(credentialIn(keyFile(document)), host);
        assert.equal(delivery.result, 'Undeliverable');
        assert.match(JSON.stringify(delivery), /service account/);
      }
    });
  }

  const unknownToTrivy = [
    'public.ecr.aws',
    'ecr-public.aws.com',
    '123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu',
    '123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn',
    '123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk',
  ];
  for (const host of unknownToTrivy) {
    it(`requires a login first for AWS keys of ${host}, which Trivy does not recognize as ECR`, () => {
      assert.equal(planDelivery(credentialIn(AWS_KEYS), host).result, 'ExchangeFirst');
    });
  }

  for (const host of [
    '123456789012.dkr.ecr.EU-Central-1.amazonaws.com',
    '123456789012.DKR.ecr.eu-central-1.amazonaws.com',
  ]) {
    it(`requires a login first for AWS keys of ${host}, because Trivy would use a region that does not exist, or no cloud`, () => {
      assert.equal(planDelivery(credentialIn(AWS_KEYS), host).result, 'ExchangeFirst');
    });
  }

  it('requires a region in the secret for AWS keys of a custom domain', () => {
    const host = 'images.acme.example';
    assert.equal(
      planDelivery(credentialIn({ ...AWS_KEYS, region: 'eu-central-1' }), host).result,
      'ExchangeFirst',
    );
    const delivery = planDelivery(credentialIn(AWS_KEYS), host);
    assert.equal(delivery.result, 'Undeliverable');
    assert.match(JSON.stringify(delivery), /region/);
  });
});
