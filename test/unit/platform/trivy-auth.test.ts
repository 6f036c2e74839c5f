import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Credential } from '../../../src/credential/credential.ts';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { authByLogin } from '../../../src/platform/access.ts';
import { MOUNT_PATH } from '../../../src/platform/trivy-auth.ts';

const secret = (text: string) => new SecretValue(text);
const LOGIN: Credential = { kind: 'basic', username: secret('user'), password: secret('pä:ss') };

function configOf(credential: Credential, host: string): unknown {
  const { files } = authByLogin(credential, host);
  assert.deepEqual(Object.keys(files), ['config.json']);
  return JSON.parse(files['config.json']?.reveal() ?? '');
}

describe('the files and environment for Trivy', () => {
  const cases: readonly { name: string; credential: Credential; host: string; auths: unknown }[] = [
    {
      name: 'a username and password as padded base64 of UTF-8, under the host',
      credential: LOGIN,
      host: 'reg.example:5000',
      auths: { 'reg.example:5000': { auth: Buffer.from('user:pä:ss').toString('base64') } },
    },
    {
      name: 'Docker Hub under the only key that Trivy looks up for it',
      credential: LOGIN,
      host: 'docker.io',
      auths: { 'https://index.docker.io/v1/': { auth: Buffer.from('user:pä:ss').toString('base64') } },
    },
    {
      name: 'an identity token',
      credential: { kind: 'identityToken', username: secret(''), token: secret('refresh') },
      host: 'reg.example',
      auths: { 'reg.example': { identitytoken: 'refresh' } },
    },
    {
      name: 'a registry token',
      credential: { kind: 'registryToken', token: secret('bearer') },
      host: 'reg.example',
      auths: { 'reg.example': { registrytoken: 'bearer' } },
    },
  ];
  for (const { name, credential, host, auths } of cases) {
    it(`have ${name}`, () => assert.deepEqual(configOf(credential, host), { auths }));
  }

  it('point Trivy to the file and disable everything that Trivy would prefer', () => {
    const { env } = authByLogin(LOGIN, 'reg.example');
    assert.deepEqual(Object.fromEntries(env.map(({ name, value }) => [name, value])), {
      DOCKER_CONFIG: MOUNT_PATH,
      DOCKER_AUTH_CONFIG: '',
      TRIVY_USERNAME: '',
      TRIVY_PASSWORD: '',
      TRIVY_REGISTRY_TOKEN: '',
    });
  });

  it('show no secret value when they are printed', () => {
    assert.doesNotMatch(JSON.stringify(authByLogin(LOGIN, 'reg.example')), /user|auth/);
  });
});
