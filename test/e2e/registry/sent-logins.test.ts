/** What the real Trivy sends with an entry of a pull secret is what the check has sent. The registries are on loopback. */
import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { makeCertificate } from '../../../hack/testenv/certificate.ts';
import { Cloud, type Site } from '../../../hack/testenv/cloud.ts';
import { ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';
import { startRegistry } from '../../../hack/testenv/registry/registry.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import type { Credential } from '../../../src/credential/credential.ts';
import { parsePullSecret } from '../../../src/credential/pull-secret.ts';
import { parseImageReference } from '../../../src/image/reference.ts';
import { authByLogin } from '../../../src/platform/access.ts';
import { RegistryChecker } from '../../../src/registry/checker.ts';
import { DEFAULT_REGISTRY_SETTINGS, type RegistrySettings } from '../../../src/registry/settings.ts';

import { seed } from '../../support/seed.ts';
import { loginsIn } from './sent.ts';

const BASIC = 'basic.acme.example';
const BEARER = 'bearer.acme.example';
const BOTH = 'both.acme.example';
const TOKEN_SERVER = 'auth.acme.example';
const IMAGE = 'shop/payments:1.0';
const ISSUED = 'issued-token';

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** Lets everybody pull, so that a login that is not sent would go unnoticed. */
function publicRegistry(challenge: string): Site {
  return ({ url }) =>
    url.pathname === '/v2/' ? { status: 401, headers: { 'www-authenticate': challenge } } : 'Registry';
}
const bearer = `Bearer realm="https://${TOKEN_SERVER}/token",service="test"`;
const SITES: Readonly<Record<string, Site>> = {
  [BASIC]: publicRegistry('Basic realm="test"'),
  [BEARER]: publicRegistry(bearer),
  [BOTH]: publicRegistry(`Basic realm="test", ${bearer}`),
  [TOKEN_SERVER]: () => ({ status: 200, body: { token: ISSUED } }),
};

/** Entries that can be used. */
const USABLE: Readonly<Record<string, object>> = {
  'a user name and a password': { auth: base64('user:secret') },
  'fields for user name and password': { username: 'user', password: 'secret' },
  'auth without padding': { auth: base64('user:secret').replace(/=+$/, '') },
  'a password with colons': { auth: base64('user:a:b:') },
  'a user name with a colon inside': { username: 'us:er', password: 'secret' },
  'a user name that ends with a colon': { username: 'user:', password: 'secret' },
  'a password of colons': { username: 'user', password: '::' },
  'line breaks': { username: 'user\n', password: 'secret\r\n' },
  'control characters': { username: 'us\u0001er\t', password: '\u001bsec\0ret\u007f' },
  'white space': { username: ' user ', password: ' ' },
  'other scripts': { username: 'ü', password: 'pä🔑\u200b' },
  'quotes and backslashes': { username: '"u\\', password: '{"a": "<&>"}' },
  'half of a surrogate pair': { username: 'user', password: 'x\ud800' },
  'both a login and an identity token': { auth: base64('user:secret'), identitytoken: 'refresh' },
  'both a login and a registry token': { auth: base64('user:secret'), registrytoken: 'direct' },
  'an identity token': { identitytoken: 'refresh' },
  'an identity token with a user name': { auth: base64('user:'), identitytoken: 'refresh' },
  'an identity token with unusual characters': { identitytoken: 'a b+c&d=%0a\nü' },
  'a registry token': { registrytoken: 'direct.token-_~+/=' },
  'both tokens': { identitytoken: 'refresh', registrytoken: 'direct' },
};

/** Entries that the kubelet finds, and that are not used, because Trivy sends something else, or fails. */
const UNUSABLE: Readonly<Record<string, readonly [entry: object, trivy: readonly string[] | 'Fails']>> = {
  'an empty password': [{ auth: base64('token:') }, []],
  'an empty password in a field of its own': [{ username: 'token', password: '' }, []],
  'no password': [{ username: 'token' }, []],
  'a colon before the user name': [{ auth: base64('::secret') }, 'Fails'],
  'a NUL character at the end of the password': [{ auth: base64('user:secret\0') }, ['user:secret']],
  'a NUL character at the beginning of the password': [{ auth: base64('user:\0secret') }, ['user:secret']],
  'a password of NUL characters': [{ auth: base64('user:\0\0') }, []],
  'a line break in a registry token': [{ registrytoken: 'direct\n' }, 'Fails'],
};

const RANDOM = 200;
const piece = fc.oneof(
  fc.constantFrom('', ':', '\0', '\n', '\r\n', ' ', '\t', '"', '\\', '\u007f', '\ufeff', 'ü', '🔑', '\ud800'),
  fc.string({ maxLength: 4 }),
  fc.string({ unit: 'binary', maxLength: 3 }),
);
const text = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join(''));
const randomEntry: fc.Arbitrary<object> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ username: text, password: text }) },
  { weight: 3, arbitrary: fc.tuple(text, text).map((pair) => ({ auth: base64(pair.join(':')) })) },
  { weight: 1, arbitrary: fc.record({ identitytoken: text, username: text }) },
  { weight: 1, arbitrary: fc.record({ registrytoken: text, identitytoken: text }) },
);

describe('a login', () => {
  let group: ProcessGroup;
  let cloud: Cloud;
  let trivy: string;
  let settings: RegistrySettings;
  let authorities: string;

  before(async () => {
    const log = (line: string) => process.stderr.write(`${line}\n`);
    group = await ProcessGroup.start();
    ({ trivy } = await tools(['trivy'], log));
    const certificate = await makeCertificate(group, Object.keys(SITES), { log });
    const registry = await startRegistry({ group, log });
    await registry.pushImage(IMAGE, { 'app/hello.txt': 'hello' });
    cloud = await Cloud.start(certificate, SITES, registry.host);
    authorities = join(group.directory, 'ca.pem');
    await writeFile(authorities, certificate.ca);
    settings = {
      ...DEFAULT_REGISTRY_SETTINGS,
      certificateAuthorities: certificate.ca,
      proxy: { httpsProxy: cloud.proxy },
    };
  });
  after(async () => {
    await cloud?.[Symbol.asyncDispose]();
    await group?.stop();
  });

  async function sentByCheck(credential: Credential, host: string): Promise<readonly string[]> {
    cloud.seen.length = 0;
    const image = parseImageReference(`${host}/${IMAGE}`);
    // A new checker remembers no answer.
    const { answer } = await new RegistryChecker({ settings }).check({ image, credential }, 'shop');
    assert.equal(answer.result, 'Pullable');
    return loginsIn(cloud.seen, ISSUED);
  }

  /** @param config - the content of config.json */
  async function sentByTrivy(config: string, host: string): Promise<readonly string[] | 'Fails'> {
    cloud.seen.length = 0;
    const directory = await mkdtemp(join(group.directory, 'config-'));
    await writeFile(join(directory, 'config.json'), config);
    const flags =
      '--image-src remote --scanners secret --skip-version-check --disable-telemetry --no-progress';
    const { code } = await group.run(
      trivy,
      ['image', ...flags.split(' '), '--cache-dir', join(directory, 'cache'), `${host}/${IMAGE}`],
      { env: { HTTPS_PROXY: cloud.proxy, SSL_CERT_FILE: authorities, DOCKER_CONFIG: directory } },
    );
    return code === 0 ? loginsIn(cloud.seen, ISSUED) : 'Fails';
  }

  for (const [name, entry] of Object.entries(USABLE)) {
    for (const host of [BASIC, BEARER, BOTH]) {
      it(`with ${name} is sent to ${host} by Trivy as by the check`, async () => {
        const credential = credentialIn(entry, host);
        assert.ok(credential !== undefined);
        const sent = await sentByCheck(credential, host);
        const config = authByLogin(credential, host).files['config.json']?.reveal() ?? '';
        assert.deepEqual(await sentByTrivy(config, host), sent);
        // Only a challenge of the scheme Bearer accepts an identity token.
        const isAccepted = credential.kind !== 'identityToken' || host === BEARER;
        assert.equal(sent.length, isAccepted ? 1 : 0);
      });
    }
  }

  it(`of ${RANDOM} random entries is sent by Trivy as by the check, or not used`, async (context) => {
    let used = 0;
    for (const [entry, host] of fc.sample(fc.tuple(randomEntry, fc.constantFrom(BASIC, BEARER)), {
      seed,
      numRuns: RANDOM,
    })) {
      const credential = credentialIn(entry, host);
      if (credential === undefined) continue;
      used += 1;
      const config = authByLogin(credential, host).files['config.json']?.reveal() ?? '';
      const sent = await sentByCheck(credential, host);
      assert.deepEqual(
        await sentByTrivy(config, host),
        sent,
        `ICB_TEST_SEED=${seed}: ${JSON.stringify(entry)}`,
      );
    }
    context.diagnostic(`seed ${seed}: ${used} of ${RANDOM} entries are used, none is sent differently`);
    assert.ok(used > RANDOM / 4 && used < RANDOM);
  });

  for (const [name, [entry, expected]] of Object.entries(UNUSABLE)) {
    it(`with ${name} is not used, because Trivy ${expected === 'Fails' ? 'fails' : 'does not send it'}`, async () => {
      assert.equal(credentialIn(entry, BASIC), undefined);
      for (const host of [BASIC, BEARER])
        assert.deepEqual(await sentByTrivy(JSON.stringify({ auths: { [host]: entry } }), host), expected);
    });
  }
});

function credentialIn(entry: object, host: string): Credential | undefined {
  const config = JSON.stringify({ auths: { [host]: entry } });
  const content = parsePullSecret('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': base64(config) });
  assert.equal(content.result, 'Entries');
  return content.result === 'Entries' ? content.entries[0]?.credential : undefined;
}
