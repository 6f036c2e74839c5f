import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSource, readSourceSecret } from '../../../src/secret/source-secret.ts';
import { AWS_KEYS, CANARY, EXTERNAL_ACCOUNT, read, SERVICE_ACCOUNT } from './credential-secrets.ts';

type Texts = Readonly<Record<string, string>>;

const json = JSON.stringify;
const DOCKER_CONFIG = json({ auths: { 'reg.example': { auth: CANARY } } });
const SP = { clientId: CANARY, clientSecret: CANARY, tenantId: CANARY };
const INI = `[default]\naws_access_key_id = ${CANARY}\naws_secret_access_key = ${CANARY}\n`;
const DOCKER_TYPE =
  /found the key ".*" in a Secret of type "Opaque"; create it again with the type kubernetes\.io\/docker/;
const NO_HELP = /annotation credentials\.securecodebox\.io\/registries does not help/;
const AZURE = /AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID/;
const AWS = /AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY/;
const LOGIN = /keys username and password in a Secret of type kubernetes\.io\/basic-auth, found the keys? "/;
const TOKEN = /expected a user name and a password, found only the key "/;

/** Keys of Opaque Secrets that people have, and what the message says. */
const CASES: readonly (readonly [name: string, texts: Texts, ...says: RegExp[]])[] = [
  ['a Docker configuration', { '.dockerconfigjson': DOCKER_CONFIG }, DOCKER_TYPE, NO_HELP],
  ['a config.json', { 'config.json': DOCKER_CONFIG }, DOCKER_TYPE, NO_HELP],
  ['a Docker configuration of another name', { 'registry-auth': DOCKER_CONFIG }, /"registry-auth"/, NO_HELP],
  ['a broken Docker configuration', { '.dockerconfigjson': CANARY }, DOCKER_TYPE, NO_HELP],
  ['a Docker configuration that is encoded twice', { auth: btoa(DOCKER_CONFIG) }, DOCKER_TYPE],
  ['an empty Docker configuration', { '.dockerconfigjson': '' }, DOCKER_TYPE],
  [
    'the older Docker configuration',
    { '.dockercfg': '{}' },
    DOCKER_TYPE,
    /the key \.dockercfg in a Secret of type kubernetes\.io\/dockercfg/,
  ],
  [
    'a Docker configuration with other keys',
    { username: CANARY, password: CANARY, '.dockerconfigjson': DOCKER_CONFIG },
    DOCKER_TYPE,
  ],
  [
    'a user name and a password',
    { username: CANARY, password: CANARY },
    LOGIN,
    /type "Opaque"; create it again with that type and those keys/,
  ],
  [
    "External Secrets' generator for ECR",
    { username: 'AWS', password: CANARY, proxy_endpoint: CANARY, expires_at: CANARY },
    LOGIN,
    /kubernetes\.io\/dockerconfigjson/,
    /the key "proxy_endpoint" is not read/,
  ],
  [
    'a login with its server',
    { server: CANARY, user: CANARY, pass: CANARY },
    LOGIN,
    /"user" and "pass"/,
    /"server" is not/,
  ],
  ['a login with names of Docker', { 'docker-username': CANARY, 'docker-password': CANARY }, LOGIN],
  ['a user name and a token', { username: CANARY, token: CANARY }, LOGIN],
  ['a login with names of its product', { HARBOR_USERNAME: CANARY, HARBOR_PASSWORD: CANARY }, LOGIN],
  ["a login of External Secrets' generator for Quay", { registry: CANARY, auth: CANARY }, LOGIN, /"auth"/],
  ['a netrc file', { '.netrc': `machine reg.example login u password ${CANARY}` }, LOGIN, /"\.netrc"/],
  ['a login as JSON', { secret: json({ username: CANARY, password: CANARY }) }, LOGIN, /the key "secret"/],
  ['only a token', { token: CANARY }, TOKEN, /many registries accept any user name/],
  ['only a password', { password: CANARY }, TOKEN],
  ['only a token of GitHub', { GITHUB_TOKEN: CANARY }, TOKEN],
  ['an AWS credentials file', { credentials: INI }, /the key "credentials"/, AWS],
  ['an AWS credentials file of Velero', { cloud: INI }, /the key "cloud"/, AWS],
  ['an AWS credentials file of any name', { 'aws-creds': INI }, /the key "aws-creds"/, AWS],
  [
    'an AWS configuration with a profile',
    { config: '[profile x]\nregion = eu-west-1\n' },
    /the key "config"/,
    AWS,
  ],
  ['AWS keys as a file of variables', { env: `export AWS_ACCESS_KEY_ID=${CANARY}\n` }, /the key "env"/, AWS],
  [
    'AWS keys as JSON of `aws sts`',
    { out: json({ Credentials: { AccessKeyId: CANARY } }) },
    /the key "out"/,
    AWS,
  ],
  [
    'an AWS role',
    { 'role-arn': CANARY },
    /cannot assume an IAM role/,
    /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/,
  ],
  [
    'variables of Terraform',
    { ARM_CLIENT_ID: CANARY, ARM_CLIENT_SECRET: CANARY },
    /"ARM_CLIENT_ID" and "ARM_C/,
    AZURE,
  ],
  ['variables of Azure DevOps', { servicePrincipalId: CANARY, servicePrincipalKey: CANARY }, AZURE],
  ['azure.json', { 'azure.json': json(SP) }, /the key "azure\.json"/, AZURE],
  ['azure.json of AKS', { 'azure.json': json({ aadClientId: CANARY, aadClientSecret: CANARY }) }, AZURE],
  ['an unreadable azure.json', { 'azure.json': CANARY }, /the key "azure\.json"/, AZURE],
  ['sp.json', { 'sp.json': json({ appId: CANARY, password: CANARY, tenant: CANARY }) }, /"sp\.json"/, AZURE],
  [
    'credentials.json with a service principal',
    { 'credentials.json': json(SP) },
    /"credentials\.json"/,
    AZURE,
  ],
  ['credentials with a service principal', { credentials: json(SP) }, /the key "credentials"/, AZURE],
  ['AZURE_CREDENTIALS of GitHub', { AZURE_CREDENTIALS: json(SP) }, /"AZURE_CREDENTIALS"/, AZURE],
  ['a service principal that is encoded twice', { sp: btoa(json(SP)) }, /the key "sp"/, AZURE],
  [
    'a Google key file of another name',
    { 'sa-key': json(SERVICE_ACCOUNT) },
    /rename the key to key\.json/,
    /"sa-key"/,
  ],
  [
    'a Google workload identity of another name',
    { wif: json(EXTERNAL_ACCOUNT) },
    /rename the key to key\.json/,
  ],
];

function hintOf(texts: Texts, hosts: string | undefined): string {
  const found = read(texts, hosts);
  assert.equal(found.result, 'Unknown');
  return 'message' in found ? (found.message ?? '') : '';
}

describe('an Opaque Secret', () => {
  for (const [name, texts, ...says] of CASES) {
    it(`with ${name} says how to make it usable, and shows no value`, () => {
      const message = hintOf(texts, 'reg.example');
      assert.match(message, /^expected .*, found .*; .*/);
      for (const pattern of says) assert.match(message, pattern);
      assert.ok(!message.includes(CANARY), message);
    });

    it(`with ${name}, and without the annotation, says that the annotation is missing or does not help`, () => {
      assert.match(hintOf(texts, undefined), /annotation credentials\.securecodebox\.io\/registries/);
    });
  }

  it('with a misspelled type is treated like an Opaque one', () => {
    for (const type of ['kubernetes.io/dockerconfig', 'example.com/registry', '']) {
      const found = read({ '.dockerconfigjson': DOCKER_CONFIG }, 'reg.example', type);
      assert.match(JSON.stringify(found), /create it again with the type kubernetes\.io\/dockerconfigjson/);
    }
  });

  it('is read as before if it also has the keys of a supported credential', () => {
    const found = read(
      { ...AWS_KEYS, username: CANARY, password: CANARY, 'config.json': DOCKER_CONFIG },
      'a.example',
    );
    assert.equal(found.result, 'Credential');
  });

  it('is unknown if only a key after the first 16 has a credential, because no more are examined', () => {
    const texts = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`k${index}`, 'x']));
    assert.deepEqual(read({ ...texts, last: INI }, 'reg.example'), { result: 'Unknown' });
  });

  it('has the same message for a binding and for explain', () => {
    const data = { '.dockerconfigjson': btoa(DOCKER_CONFIG) };
    const metadata = {
      name: 'pull',
      namespace: 'shop',
      annotations: { 'credentials.securecodebox.io/registries': 'r.io' },
    };
    const [forBinding, forExplain] = [readSource, readSourceSecret].map(
      (reader) => reader({ metadata, data }).content,
    );
    assert.equal(forBinding?.result, 'Unknown');
    assert.equal(forExplain?.result, 'Malformed');
    const messages = [forBinding, forExplain].map(
      (content) => content !== undefined && 'message' in content && content.message,
    );
    assert.equal(messages[0], messages[1]);
    assert.match(String(messages[0]), DOCKER_TYPE);
  });
});
