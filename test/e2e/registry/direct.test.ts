/**
 * Where a pull secret may be mounted itself, the real Trivy sends exactly the chosen credential. Where it may not, the stated
 * reason is true. The registries are on loopback.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { makeCertificate } from '../../../hack/testenv/certificate.ts';
import { Cloud, type Site } from '../../../hack/testenv/cloud.ts';
import { ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';
import { startRegistry } from '../../../hack/testenv/registry/registry.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import type { Credential } from '../../../src/credential/credential.ts';
import { lookup } from '../../../src/credential/keyring.ts';
import { type Misreading, misreadingOf } from '../../../src/credential/misreading.ts';
import { parsePullSecret } from '../../../src/credential/pull-secret.ts';
import { parseImageReference } from '../../../src/image/reference.ts';
import { amount } from '../../support/amount.ts';
import { seed } from '../../support/seed.ts';
import { loginsIn } from './sent.ts';

const BASIC = 'basic.acme.example';
const BEARER = 'bearer.acme.example';
const DOCKER_HUB = 'index.docker.io';
const TOKEN_SERVER = 'auth.acme.example';
/** Refuses every login. */
const DATABASES = 'databases.acme.example';
const REPOSITORY = 'shop/payments';
const ISSUED = 'issued-token';
/** The number of random pull secrets. Trivy runs once for each. */
const SECRETS = amount(40, 1500);

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** Lets everybody pull, so that a credential that is not sent does not make Trivy fail. */
function publicRegistry(challenge: string): Site {
  return ({ url }) =>
    url.pathname === '/v2/' ? { status: 401, headers: { 'www-authenticate': challenge } } : 'Registry';
}
const SITES: Readonly<Record<string, Site>> = {
  [BASIC]: publicRegistry('Basic realm="test"'),
  [DOCKER_HUB]: publicRegistry('Basic realm="test"'),
  [BEARER]: publicRegistry(`Bearer realm="https://${TOKEN_SERVER}/token",service="test"`),
  [DATABASES]: ({ url, headers }) => {
    const isPublic = url.pathname !== '/v2/' && headers['authorization'] === undefined;
    return isPublic ? 'Registry' : { status: 401, headers: { 'www-authenticate': 'Basic realm="test"' } };
  },
  [TOKEN_SERVER]: () => ({ status: 200, body: { token: ISSUED } }),
};

const login = fc.constantFrom('one', 'two').map((user) => ({ auth: base64(`${user}:secret`) }));
const entry: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 20, arbitrary: login },
  { weight: 3, arbitrary: fc.constant({ username: 'one', password: 'secret' }) },
  {
    weight: 6,
    arbitrary: fc.constantFrom<unknown>(
      ...[
        {},
        null,
        { auth: '' },
        { username: 'lonely' },
        { identitytoken: 'refresh' },
        { registrytoken: 'direct' },
      ],
      ...[
        { auth: base64('one:secret'), identitytoken: 'refresh-beside' },
        { auth: base64('one:secret'), registrytoken: 'direct-beside' },
        { auth: base64('nul:secret\0') },
        { auth: `${base64('lines:secret')}\n` },
        { auth: base64('one:secret'), AUTH: base64('last:secret') },
        { auth: base64('one:secret'), Auth: null },
        { auth: base64('one:secret'), email: 5 },
      ],
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(
      ...[
        { auth: base64('one:secre').replace(/=+$/, '') },
        { auth: base64(':secret') },
        { auth: base64('none') },
      ],
      ...[
        { auth: base64('one:secret'), identitytoken: 5 },
        { auth: base64('one:secret'), serveraddress: {} },
      ],
    ),
  },
);

function keyOf(host: string): fc.Arbitrary<string> {
  const hub = [
    'docker.io',
    'https://index.docker.io/v1/',
    'https://index.docker.io/v2/',
    'registry-1.docker.io',
  ];
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(host, `${host}/${REPOSITORY}`, `https://${host}`) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        ...[`${host}/`, `${host}/shop`, `${host}/other`, `http://${host}/v1/`, `HTTPS://${host}:/`],
        ...['other.example', '*.acme.example', `${host}:443`, ...(host === DOCKER_HUB ? hub : [])],
      ),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        `https://u@${host}/`,
        `https://${host}/?x`,
        `${host}?x`,
        `${host}/ü`,
        `1://${host}`,
      ),
    },
  );
}

/** Texts of fields beside `auths`. */
const more = fc.oneof(
  { weight: 12, arbitrary: fc.constant('') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...['"credsStore":"absent"', '"credsStore":""', '"credHelpers":{"other.example":"absent"}'],
      ...[
        '"credsStore":"absent","credHelpers":{"HOST":"","HOST/REPOSITORY":""}',
        '"credHelpers":{"HOST":"absent"}',
      ],
      ...['"credHelpers":{"HOST":"absent"},"CredHelpers":null', '"credHelpers":{"HOST/REPOSITORY":"absent"}'],
      ...[
        '"credHelpers":{"HOST":"absent"},"credHelpers":{"HOST":null}',
        '"credsStore":"absent","credsStore":null',
      ],
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...['"HttpHeaders":{"User-Agent":"x"}', '"psFormat":"x"', '"pruneFilters":["x",null]', '"own":[{}]'],
      ...['"HttpHeaders":{"x":5}', '"PSFormat":[]', '"pruneFilters":[5]', '"plugins":{"x":{"y":"z"}}'],
      ...['"plugins":{"x":{"y":5}}', '"proxies":{"x":{"httpProxy":5}}', '"proxies":{"x":{"own":5}}'],
      ...['"features":null', '"aliases":"x"', '"auths":{}', '"AUTHS":{"HOST":{"auth":"bGFzdDpzZWNyZXQ="}}'],
      ...['"auths":{"other.example":5}', '"cliPluginsExtraDirs":{}'],
    ),
  },
);

interface Sample {
  readonly host: string;
  readonly text: string;
  /** Which candidate is chosen: a registry may have refused those before. */
  readonly choice: number;
}

const sample: fc.Arbitrary<Sample> = fc.constantFrom(BASIC, BEARER, DOCKER_HUB).chain((host) =>
  fc
    .record({
      auths: fc.array(fc.tuple(keyOf(host), entry), { minLength: 1, maxLength: 3 }),
      more,
      mark: fc.oneof(
        { weight: 30, arbitrary: fc.constant('') },
        { weight: 1, arbitrary: fc.constant('\ufeff') },
      ),
      choice: fc.nat({ max: 1 }),
    })
    .map(({ auths, mark, choice, ...others }) => {
      const members = auths.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
      const beside = others.more.replaceAll('HOST', host).replaceAll('REPOSITORY', REPOSITORY);
      const text = `${mark}{"auths":{${members.join()}}${beside === '' ? '' : `,${beside}`}}`;
      return { host, text, choice };
    }),
);

type Sent = readonly string[] | 'Fails';

describe('a pull secret that is mounted itself', () => {
  let group: ProcessGroup;
  let cloud: Cloud;
  let trivy: string;
  let authorities: string;

  before(async () => {
    const log = (line: string) => process.stderr.write(`${line}\n`);
    group = await ProcessGroup.start();
    ({ trivy } = await tools(['trivy'], log));
    const certificate = await makeCertificate(group, Object.keys(SITES), { log });
    const registry = await startRegistry({ group, log });
    await registry.pushImage(`${REPOSITORY}:1.0`, { 'app/hello.txt': 'hello' });
    cloud = await Cloud.start(certificate, SITES, registry.host);
    authorities = join(group.directory, 'ca.pem');
    await writeFile(authorities, certificate.ca);
  });
  after(async () => {
    await cloud?.[Symbol.asyncDispose]();
    await group?.stop();
  });

  /** @param config - the content of config.json */
  async function sentByTrivy(config: string, host: string): Promise<Sent> {
    return (await runTrivy(config, host, 'secret')) === 0 ? loginsIn(cloud.seen, ISSUED) : 'Fails';
  }

  /** Returns the exit code. */
  async function runTrivy(config: string, host: string, scanners: string): Promise<number | null> {
    cloud.seen.length = 0;
    const directory = await mkdtemp(join(group.directory, 'config-'));
    await writeFile(join(directory, 'config.json'), config);
    const flags = `--image-src remote --scanners ${scanners} --skip-version-check --disable-telemetry --no-progress --db-repository ${DATABASES}/trivy-db:2`;
    const { code } = await group.run(
      trivy,
      ['image', ...flags.split(' '), '--cache-dir', join(directory, 'cache'), `${host}/${REPOSITORY}:1.0`],
      { env: { HTTPS_PROXY: cloud.proxy, SSL_CERT_FILE: authorities, DOCKER_CONFIG: directory } },
    );
    await rm(directory, { recursive: true });
    return code;
  }

  /** Whether the credential of the sample can be delivered directly, or the cause why not; undefined: it has none. */
  async function checked(one: Sample): Promise<string | undefined> {
    const chosen = chosenIn(one);
    if (chosen === undefined) return undefined;
    const sent = await sentByTrivy(one.text, one.host);
    const { misreading } = chosen;
    const why = `ICB_TEST_SEED=${seed}: ${JSON.stringify(one)}: ${misreading?.message}; Trivy: ${sent}`;
    assert.ok(isTrue(chosen, sent), why);
    return misreading?.cause ?? 'Direct';
  }

  it(`gives Trivy the chosen credential, or the reason why not is true: ${SECRETS} random Secrets`, async (context) => {
    const found: (string | undefined)[] = [];
    for (const one of fc.sample(sample, { seed, numRuns: SECRETS })) found.push(await checked(one));
    const counts = Map.groupBy(found, (cause = 'no candidate') => cause);
    const shown = [...counts].map(([cause, { length }]) => `${cause} ${length}`);
    context.diagnostic(`seed ${seed}: ${shown.join(', ')}`);
    assert.ok((counts.get('Direct')?.length ?? 0) > SECRETS / 8);
  });

  it('has Trivy use its login for the registry of the databases, and not try without it after a refusal', async () => {
    const logins = { [BASIC]: 'one', [DATABASES]: 'two' };
    const auths = Object.entries(logins).map(([host, user]) => [host, { auth: base64(`${user}:secret`) }]);
    await runTrivy(JSON.stringify({ auths: Object.fromEntries(auths) }), BASIC, 'vuln');
    const requests = cloud.seen.filter(({ host, url }) => host === DATABASES && url.pathname !== '/v2/');
    assert.deepEqual(loginsIn(requests, ISSUED), ['two:secret']);
    assert.ok(requests.every(({ headers }) => headers['authorization'] !== undefined));
  });
});

interface Chosen {
  readonly misreading: Misreading | undefined;
  /** What Trivy sends with the chosen credential alone. */
  readonly expected: readonly string[];
  readonly host: string;
}

function chosenIn({ host, text, choice }: Sample): Chosen | undefined {
  const content = parsePullSecret('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': base64(text) });
  if (content.result !== 'Entries') return undefined;
  const image = parseImageReference(`${host}/${REPOSITORY}`);
  const { candidates } = lookup([{ name: 'pull', keyring: content.keyring }], image);
  const { credential } = candidates[choice] ?? candidates[0] ?? {};
  if (credential === undefined) return undefined;
  const misreading = misreadingOf(content.trivyFile, credential, image);
  return { misreading, expected: expectedOf(credential, host), host };
}

function expectedOf(credential: Credential, host: string): readonly string[] {
  switch (credential.kind) {
    case 'basic':
      return [`${credential.username.reveal()}:${credential.password.reveal()}`];
    case 'registryToken':
      return [`Bearer ${credential.token.reveal()}`];
    case 'identityToken':
      // Only a token server accepts it.
      return host === BEARER ? [`refresh ${credential.token.reveal()}`] : [];
  }
}

/** Whether what Trivy sends agrees with what is said about the Secret. */
function isTrue({ misreading, expected, host }: Chosen, sent: Sent): boolean {
  const isAsChosen = sent !== 'Fails' && sent.join() === expected.join();
  switch (misreading?.cause) {
    case undefined:
      return isAsChosen;
    case 'File':
    case 'Helper':
      return sent === 'Fails';
    case 'NotFound':
      return sent !== 'Fails' && sent.length === 0;
    case 'OtherEntry':
      // Trivy picks one of several entries at random, which may be the chosen one.
      return (
        !isAsChosen || expected.length === 0 || misreading.message.includes('another entry of this host')
      );
    case 'Token':
      return host !== BEARER || !isAsChosen;
    case 'KeyForm':
      return true;
  }
}
