import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { readCredential } from '../../../src/platform/credential-reader.ts';
import {
  AUTHORIZED_USER,
  AWS_KEYS,
  CANARY,
  credentialIn,
  EXTERNAL_ACCOUNT,
  keyFile,
  read,
  SERVICE_ACCOUNT,
  SERVICE_PRINCIPAL,
} from './credential-secrets.ts';

type Texts = Readonly<Record<string, string>>;
const LOGIN = { username: 'user', password: CANARY };
const { 'access-key': id, 'secret-access-key': key } = AWS_KEYS;
const { ClientID: clientId, ClientSecret: clientSecret, TenantID: tenantId } = SERVICE_PRINCIPAL;

const BASIC_AUTH = 'kubernetes.io/basic-auth';
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('a credential Secret', () => {
  const good: readonly (readonly [name: string, texts: Texts, description: RegExp, type?: string])[] = [
    ['AWS keys as in External Secrets', AWS_KEYS, /^AWS keys$/],
    ['AWS keys as in the environment', { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: key }, /^AWS keys$/],
    [
      'AWS keys as in a credentials file',
      { aws_access_key_id: id, aws_secret_access_key: key },
      /^AWS keys$/,
    ],
    ['AWS keys with a session token', { ...AWS_KEYS, 'session-token': key }, /^temporary AWS keys$/],
    [
      'AWS keys from STSSessionToken',
      { access_key_id: id, secret_access_key: key, session_token: key, expiration: '1800000000' },
      /^temp/,
    ],
    ['AWS keys with a trailing line break', { ...AWS_KEYS, 'access-key': `${id}\n` }, /^AWS keys$/],
    ['a service account', keyFile(SERVICE_ACCOUNT), /service account/],
    [
      'a service account as in External Secrets',
      { 'secret-access-credentials': JSON.stringify(SERVICE_ACCOUNT) },
      /service account/,
    ],
    [
      'an old service account',
      keyFile({ ...SERVICE_ACCOUNT, token_uri: 'https://accounts.google.com/o/oauth2/token' }),
      /service/,
    ],
    [
      'a service account without token_uri',
      keyFile({ ...SERVICE_ACCOUNT, token_uri: undefined }),
      /service account/,
    ],
    ['an authorized user', keyFile(AUTHORIZED_USER), /user/],
    ['an external account', keyFile(EXTERNAL_ACCOUNT), /workload identity/],
    [
      'an external account with a format',
      keyFile({
        ...EXTERNAL_ACCOUNT,
        credential_source: { file: '/t', format: { type: 'json', subject_token_field_name: 't' } },
      }),
      /workload/,
    ],
    ['a service principal as in External Secrets', SERVICE_PRINCIPAL, /service principal/],
    [
      'a service principal as in the environment',
      { AZURE_CLIENT_ID: clientId, AZURE_CLIENT_SECRET: clientSecret, AZURE_TENANT_ID: tenantId },
      /principal/,
    ],
    ['a service principal without a tenant', { clientId, clientSecret }, /principal/],
    [
      'a service principal as `az` prints it',
      { appId: clientId, displayName: 'scanner', password: clientSecret, tenant: tenantId },
      /principal/,
    ],
    ['a login', LOGIN, /user name/, 'kubernetes.io/basic-auth'],
    [
      'a login with key names of External Secrets',
      { ...LOGIN, proxy_endpoint: 'x' },
      /user name/,
      BASIC_AUTH,
    ],
  ];
  for (const [name, texts, description, type] of good) {
    it(`with ${name} is a credential for the hosts in its annotation`, () => {
      const secret = read(texts, ' a.example , b.example:5000\n[::1]:5000 ', type);
      assert.equal(secret.result, 'Credential', inspect(secret));
      if (secret.result !== 'Credential') return;
      assert.deepEqual(secret.hosts, ['a.example', 'b.example:5000', '[::1]:5000']);
      assert.match(secret.credential.description, description);
      const shown = inspect(secret, { depth: 9 }) + JSON.stringify(secret);
      assert.ok(!shown.includes(CANARY) && !shown.includes('PRIVATE KEY'), shown);
    });

    it(`with ${name} is not used without the annotation`, () => {
      const secret = read(texts, undefined, type);
      assert.equal(secret.result, 'NotAnnotated');
      assert.match(JSON.stringify(secret), /credentials\.securecodebox\.io\/registries/);
    });
  }

  const broken: readonly (readonly [name: string, texts: Texts, message: RegExp, type?: string])[] = [
    ['only one of two AWS keys', { 'access-key': id }, /found only one/],
    ['two AWS keys that differ', { ...AWS_KEYS, AWS_ACCESS_KEY_ID: `${id}X` }, /found different values/],
    [
      'an AWS key with a second line',
      { ...AWS_KEYS, 'secret-access-key': `${CANARY}abcdef\n[other]` },
      /a secret access key/,
    ],
    ['an invalid AWS key', { ...AWS_KEYS, 'access-key': CANARY.slice(0, 5) }, /an access key ID/],
    ['an invalid session token', { ...AWS_KEYS, 'session-token': `${CANARY} ${CANARY}` }, /a session token/],
    ['a region that is a host', { ...AWS_KEYS, region: 'evil.com/' }, /a region/],
    ['a key file that is not JSON', { 'key.json': `{"private_key": "${CANARY}` }, /a JSON object/],
    ['a key file that is a list', { 'key.json': `["${CANARY}"]` }, /a JSON object/],
    [
      'a key file of another type',
      keyFile({ ...SERVICE_ACCOUNT, type: CANARY }),
      /of type service_account, /,
    ],
    [
      'a key file of an inherited type',
      keyFile({ ...SERVICE_ACCOUNT, type: 'constructor' }),
      /of type service_account, /,
    ],
    [
      'another token_uri',
      keyFile({ ...SERVICE_ACCOUNT, token_uri: `https://${CANARY}.evil.com/token` }),
      /the field token_uri/,
    ],
    [
      'another token_uri that looks like it',
      keyFile({ ...SERVICE_ACCOUNT, token_uri: 'https://oauth2.googleapis.com/token/' }),
      /token_uri/,
    ],
    [
      'another token_uri of a user',
      keyFile({ ...AUTHORIZED_USER, token_uri: 'https://evil.com' }),
      /the field token_uri/,
    ],
    ['another universe', keyFile({ ...SERVICE_ACCOUNT, universe_domain: 'evil.com' }), /universe_domain/],
    [
      'another token_url',
      keyFile({ ...EXTERNAL_ACCOUNT, token_url: 'https://evil.com' }),
      /the field token_url/,
    ],
    [
      'another impersonation',
      keyFile({ ...EXTERNAL_ACCOUNT, service_account_impersonation_url: 'https://evil.com' }),
      /impersonation_url/,
    ],
    [
      'an executable as its source',
      keyFile({ ...EXTERNAL_ACCOUNT, credential_source: { executable: { command: 'id' }, file: '/t' } }),
      /credential_source/,
    ],
    [
      'a URL as its source',
      keyFile({ ...EXTERNAL_ACCOUNT, credential_source: { url: 'http://169.254.169.254' } }),
      /credential_source/,
    ],
    [
      'AWS as its source',
      keyFile({ ...EXTERNAL_ACCOUNT, credential_source: { environment_id: 'aws1', file: '/t' } }),
      /credential_source/,
    ],
    [
      'an invalid format',
      keyFile({ ...EXTERNAL_ACCOUNT, credential_source: { file: '/t', format: 'json' } }),
      /credential_source/,
    ],
    ['no audience', keyFile({ ...EXTERNAL_ACCOUNT, audience: '' }), /audience/],
    ['no client_email', keyFile({ ...SERVICE_ACCOUNT, client_email: undefined }), /client_email/],
    ['no refresh token', keyFile({ ...AUTHORIZED_USER, refresh_token: 5 }), /refresh_token/],
    [
      'an invalid private key',
      keyFile({
        ...SERVICE_ACCOUNT,
        private_key: `-----BEGIN PRIVATE KEY-----\n${CANARY}\n-----END PRIVATE KEY-----`,
      }),
      /private_key/,
    ],
    ['only one part of a service principal', { clientId }, /found only one/],
    [
      'a password with a client ID under a name other than appId',
      { clientId, password: CANARY },
      /found only one/,
    ],
    [
      'a password with appId and another client secret',
      { appId: clientId, password: CANARY, clientSecret },
      /found different values/,
    ],
    ['a client ID that is not a GUID', { ...SERVICE_PRINCIPAL, ClientID: CANARY }, /GUID of an application/],
    ['an empty client secret', { ...SERVICE_PRINCIPAL, ClientSecret: '\n' }, /a client secret/],
    ['a tenant that is a path', { ...SERVICE_PRINCIPAL, TenantID: `../${CANARY}` }, /as tenant/],
    ['a login without a username', { password: CANARY }, /a user name/, 'kubernetes.io/basic-auth'],
    [
      'a login whose username has a colon',
      { username: `a:${CANARY}`, password: CANARY },
      /a colon/,
      'kubernetes.io/basic-auth',
    ],
    [
      'a login with an empty password',
      { username: CANARY, password: '' },
      /password, found an empty/,
      BASIC_AUTH,
    ],
    [
      'a login with a line break as its password',
      { username: CANARY, password: '\r\n' },
      /an empty/,
      BASIC_AUTH,
    ],
    ['a login with NUL at the end', { username: 'u', password: `${CANARY}\0` }, /NUL character/, BASIC_AUTH],
    [
      'an AWS key ID that is encoded twice',
      { ...AWS_KEYS, 'access-key': base64(id) },
      /an access key ID .* encoded in base64 twice; encode it once/,
    ],
    [
      'an AWS secret key that is encoded twice',
      { ...AWS_KEYS, 'secret-access-key': base64(`${key}\n`) },
      /a secret access key .* encoded in base64 twice/,
    ],
    ['a region that is encoded twice', { ...AWS_KEYS, region: base64('eu-central-1') }, /a region .* twice/],
    [
      'a client ID that is encoded twice',
      { ...SERVICE_PRINCIPAL, ClientID: `${base64(clientId)}\n` },
      /the GUID .* encoded in base64 twice/,
    ],
    [
      'a key file that is encoded twice',
      { 'key.json': base64(JSON.stringify(SERVICE_ACCOUNT)) },
      /a JSON object, found a value that is encoded in base64 twice/,
    ],
    [
      'a key file with a syntax error',
      { 'key.json': `{\n  "type": "${CANARY}",\n}` },
      /found a syntax error at line 3, column 1; set the key/,
    ],
    ['the credentials of two clouds', { ...AWS_KEYS, ...SERVICE_PRINCIPAL }, /several clouds/],
  ];
  for (const [name, texts, message, type] of broken) {
    it(`with ${name} is malformed, and the message contains no value`, () => {
      const secret = read(texts, 'reg.example', type);
      assert.equal(secret.result, 'Malformed');
      const shown = inspect(secret, { depth: 9 });
      assert.match(shown.replace(/' \+\s+'/g, ''), message);
      assert.ok(!shown.includes(CANARY) && !shown.includes('evil'), shown);
      assert.equal(read(texts, undefined, type).result, 'NotAnnotated', 'the annotation is checked first');
    });
  }

  it('is unknown if it has no known key', () => {
    assert.deepEqual(read({ 'tls.key': CANARY }, undefined, 'kubernetes.io/tls'), { result: 'Unknown' });
    assert.deepEqual(read({ other: CANARY }, 'reg.example'), { result: 'Unknown' });
    const token = { token: CANARY, namespace: 'x' };
    assert.deepEqual(read(token, undefined, 'kubernetes.io/service-account-token'), { result: 'Unknown' });
  });

  it('is malformed if its values are not text', () => {
    for (const value of ['/w==', '!', '']) {
      const data = { 'access-key': value, 'secret-access-key': value };
      const secret = readCredential(
        { type: 'Opaque', data },
        { 'credentials.securecodebox.io/registries': 'reg.example' },
      );
      assert.equal(secret.result, 'Malformed');
    }
  });

  for (const hosts of [
    '',
    ' , ',
    '*.example',
    'https://reg.example',
    'reg.example/team',
    'user@reg.example',
    `${Array.from({ length: 17 }, (_, index) => `h${index}.example`).join(',')}`,
  ]) {
    it(`is malformed if its annotation lists ${JSON.stringify(hosts.slice(0, 30))} as registries`, () => {
      const secret = read(AWS_KEYS, hosts);
      assert.equal(secret.result, 'Malformed');
      assert.match(JSON.stringify(secret), /expected 1 to 16 hosts/);
    });
  }

  const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
  const GAR = 'europe-docker.pkg.dev';
  const ACR = 'acme.azurecr.io';
  const OWN = 'images.acme.example';
  for (const [name, texts, hosts, type] of [
    ['AWS keys', AWS_KEYS, [ECR, OWN]],
    ['a key file', keyFile(SERVICE_ACCOUNT), [GAR, OWN]],
    ['a service principal', SERVICE_PRINCIPAL, [ACR, OWN]],
    ['a login', LOGIN, [ECR, GAR, ACR, OWN], 'kubernetes.io/basic-auth'],
  ] as const) {
    it(`with ${name} fits no host of another cloud, even if its annotation lists one`, () => {
      const secret = read(texts, [ECR, GAR, ACR, OWN].join(), type);
      assert.deepEqual(secret.result === 'Credential' && secret.hosts, hosts);
    });
  }

  it('is malformed if its annotation lists only hosts of other clouds', () => {
    const secret = read(AWS_KEYS, `${GAR},${ACR}`);
    assert.equal(secret.result, 'Malformed');
    assert.match(
      JSON.stringify(secret),
      /a registry of AWS, or a custom host name.*other clouds \(\\"europe-docker\.pkg\.dev\\" and 1 more\)/,
    );
  });

  it('is a different credential if and only if any part of it changes', () => {
    const identity = (texts: Texts) => credentialIn(texts).identity.reveal();
    assert.equal(identity(AWS_KEYS), identity({ AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: key }));
    assert.notEqual(identity(AWS_KEYS), identity({ ...AWS_KEYS, 'session-token': key }));
    assert.notEqual(identity(SERVICE_PRINCIPAL), identity({ clientId, clientSecret }));
  });
});

describe('a value of a credential Secret', () => {
  for (const [name, end] of [
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ] as const) {
    it(`drops one line break at the end of each value, as docker login --password-stdin does: ${name}`, () => {
      for (const [texts, type] of [
        [LOGIN, BASIC_AUTH],
        [AWS_KEYS, 'Opaque'],
        [SERVICE_PRINCIPAL, 'Opaque'],
      ] as const) {
        const broken = Object.fromEntries(Object.entries(texts).map(([each, text]) => [each, text + end]));
        assert.equal(
          credentialIn(broken, type).identity.reveal(),
          credentialIn(texts, type).identity.reveal(),
        );
      }
    });
  }

  it('keeps a second line break', () => {
    const { identity } = credentialIn({ username: 'user', password: `${CANARY}\n\n` }, BASIC_AUTH);
    assert.equal(identity.reveal(), JSON.stringify(['basic', 'user', `${CANARY}\n`]));
  });
});
