import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { load } from 'js-yaml';
import { CHART } from '../../../hack/root.ts';
import { assertTaken, Chart, container, podTemplate } from '../../support/cluster/chart.ts';

/** A JSON schema, limited to the keywords that this schema uses. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly definitions?: Readonly<Record<string, Schema>>;
}

const namespaces = (count: number) => Array.from({ length: count }, (_, index) => `team-${index}`);
const registries = (values: object) => ({ config: { registries: values } });
const discovery = (values: object) => ({ config: { discovery: { enabled: true, ...values } } });

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB+/=\n-----END CERTIFICATE-----\n';

/** Values at the limits of what the schema accepts. */
const accepted: Readonly<Record<string, object>> = {
  'the minimum of each value': {
    replicas: 0,
    config: {
      scanTypes: ['*'],
      concurrency: 1,
      unusedSecretGrace: '1s',
      runsPerMinute: 0,
      runWait: '1s',
      logLevel: 'trace',
    },
  },
  'the maximum of each value': {
    namespaces: [...namespaces(98), 'a'.repeat(63), '2024'],
    config: {
      scanTypes: ['trivy-image', 'trivy-image-autodiscovery-1.0'],
      concurrency: 64,
      unusedSecretGrace: '1000h59m59.5s',
      runsPerMinute: 6000,
      runWait: '1000h59m59.5s',
      logLevel: 'fatal',
    },
  },
  'registries of all kinds': registries({
    checkInterval: '1s',
    allowed: ['*', '*.example:*', 'Registry.example', '10.0.0.1:5000', 'r*g.example:65535'],
    denied: ['*:5000'],
    insecure: ['lab.example:5000', '[::1]:5000', '10.0.0.1'],
    privateRealms: ['auth.example'],
    proxy: {
      https: 'https://user:pass@proxy.example:3128/',
      http: 'http://10.0.0.1:8080',
      none: '10.0.0.0/8,.internal',
    },
  }),
  ...Object.fromEntries(
    ['enabled-per-namespace', 'enabled-per-resource', 'all'].flatMap((mode) =>
      [true, false].map((markPods) => [
        `discovery ${mode}, ${markPods ? 'with' : 'without'} pod marks`,
        discovery({ resourceInclusion: { mode }, markPods, gracePeriod: '1.5h' }),
      ]),
    ),
  ),
  'that only new Scans are bound': { config: { bind: 'scans' } },
  'that only ScheduledScans are bound': { admission: { enabled: false } },
  'the webhook, with a certificate of cert-manager': {
    admission: {
      enabled: true,
      certificates: {
        source: 'cert-manager',
        certManager: { issuerRef: { group: 'cert-manager.io', kind: 'ClusterIssuer', name: 'company' } },
      },
    },
  },
  'the webhook, with an existing certificate': {
    admission: { enabled: true, certificates: { source: 'secret', secret: { name: 'own', caBundle: PEM } } },
  },
  'a controller that may not write Secrets': {
    config: { delivery: 'Direct', writeSecrets: false },
    admission: { enabled: true, certificates: { source: 'cert-manager' } },
  },
  'a slower leader election': {
    config: { leaderElection: { leaseDuration: '1m30s', renewDeadline: '1m', retryPeriod: '10.5s' } },
  },
  'an image with a digest, and overridden names': {
    image: {
      repository: 'registry.example:5000/team/icb',
      tag: `0.1.0@sha256:${'a'.repeat(64)}`,
      pullPolicy: 'Always',
    },
    nameOverride: 'icb',
    fullnameOverride: 'a'.repeat(54),
  },
};

const notAllowed = (path: string, name: string) =>
  new RegExp(`at '${path}': additional properties '${name}' not allowed`);
const notMatched = (path: string, found: string) =>
  new RegExp(`at '${path}': '${found}' does not match pattern`);

/** What the schema refuses, and the place in its message. */
const refused: readonly (readonly [string, object, RegExp])[] = [
  ['a typo at the top level', { relicas: 1 }, notAllowed('', 'relicas')],
  ['a typo in the settings', { config: { discoverry: {} } }, notAllowed('/config', 'discoverry')],
  [
    'a typo in a nested setting',
    registries({ proxy: { htps: '' } }),
    notAllowed('/config/registries/proxy', 'htps'),
  ],
  [
    'a typo in a field of Kubernetes',
    { resources: { limits: { memroy: '1Gi' } } },
    notAllowed('/resources/limits', 'memroy'),
  ],
  ['a typo in a list', { tolerations: [{ keyy: 'a' }] }, notAllowed('/tolerations/0', 'keyy')],
  [
    'an unknown log level',
    { config: { logLevel: 'warning' } },
    /at '\/config\/logLevel': value must be one of 'trace', 'debug', 'info', 'warn', 'error', 'fatal'/,
  ],
  [
    'an unknown discovery mode',
    discovery({ resourceInclusion: { mode: 'enabled' } }),
    /at '.*\/mode': value must be one of 'enabled-per-namespace', 'enabled-per-resource', 'all'/,
  ],
  [
    'that only new Scans are bound, without the webhook',
    { config: { bind: 'scans' }, admission: { enabled: false } },
    /at '\/admission\/enabled': value must be true/,
  ],
  [
    'the delivery Temporary, without the webhook',
    { config: { delivery: 'Temporary' }, admission: { enabled: false } },
    /at '\/admission\/enabled': value must be true/,
  ],
  [
    'the delivery Shared, without the right to write Secrets',
    { config: { writeSecrets: false }, admission: { enabled: false } },
    /at '\/config\/delivery': value must be 'Direct'/,
  ],
  [
    'certificates that the controller writes, without the right to write Secrets',
    { config: { delivery: 'Direct', writeSecrets: false } },
    /at '\/admission\/certificates\/source': value must be one of 'cert-manager', 'secret'/,
  ],
  [
    'an unknown source of certificates',
    { admission: { certificates: { source: 'self-signed' } } },
    /at '\/admission\/certificates\/source': value must be one of 'generate', 'cert-manager', 'secret'/,
  ],
  [
    'an existing certificate without a Secret',
    { admission: { certificates: { source: 'secret', secret: { caBundle: PEM } } } },
    /at '\/admission\/certificates\/secret\/name': minLength: got 0, want 1/,
  ],
  [
    'an existing certificate without an authority',
    { admission: { certificates: { source: 'secret', secret: { name: 'own' } } } },
    /at '\/admission\/certificates\/secret\/caBundle': minLength: got 0, want 1/,
  ],
  [
    'a key instead of a certificate',
    { admission: { certificates: { secret: { caBundle: PEM.replaceAll('CERTIFICATE', 'PRIVATE KEY') } } } },
    /at '\/admission\/certificates\/secret\/caBundle': .+ does not match pattern/s,
  ],
  [
    'an issuer without a name',
    { admission: { certificates: { certManager: { issuerRef: { kind: 'Issuer' } } } } },
    /at '\/admission\/certificates\/certManager\/issuerRef': .*'name'/,
  ],
  [
    'a concurrency of 0',
    { config: { concurrency: 0 } },
    /at '\/config\/concurrency': minimum: got 0, want 1/,
  ],
  [
    'too high a concurrency',
    { config: { concurrency: 65 } },
    /at '\/config\/concurrency': maximum: got 65, want 64/,
  ],
  [
    'too many runs per minute',
    { config: { runsPerMinute: 6001 } },
    /at '\/config\/runsPerMinute': maximum: got 6,001, want 6,000/,
  ],
  ['a wait for runs without a unit', { config: { runWait: '15' } }, notMatched('/config/runWait', '15')],
  [
    'an empty list of scan types',
    { config: { scanTypes: [] } },
    /at '\/config\/scanTypes': minItems: got 0, want 1/,
  ],
  [
    'a duration without a unit',
    { config: { unusedSecretGrace: '10' } },
    notMatched('/config/unusedSecretGrace', '10'),
  ],
  [
    'a duration that is a number',
    { config: { unusedSecretGrace: 10 } },
    /at '\/config\/unusedSecretGrace': got number, want string/,
  ],
  [
    'a duration in words',
    discovery({ gracePeriod: '1 day' }),
    notMatched('/config/discovery/gracePeriod', '1 day'),
  ],
  [
    'a duration of zero',
    registries({ checkInterval: '0s' }),
    notMatched('/config/registries/checkInterval', '0s'),
  ],
  [
    'a lease duration with a fraction of a second',
    { config: { leaderElection: { leaseDuration: '1.5s' } } },
    notMatched('/config/leaderElection/leaseDuration', '1\\.5s'),
  ],
  ['too many namespaces', { namespaces: namespaces(101) }, /at '\/namespaces': maxItems: got 101, want 100/],
  ['a namespace twice', { namespaces: ['shop', 'shop'] }, /at '\/namespaces': items at 0 and 1 are equal/],
  ['an invalid namespace', { namespaces: ['Shop'] }, notMatched('/namespaces/0', 'Shop')],
  ['a namespace with a comma', { namespaces: ['a,b'] }, notMatched('/namespaces/0', 'a,b')],
  [
    'a registry with a path',
    registries({ allowed: ['reg.example/app'] }),
    notMatched('/config/registries/allowed/0', 'reg\\.example/app'),
  ],
  [
    'a pattern instead of a host',
    registries({ insecure: ['*.example'] }),
    notMatched('/config/registries/insecure/0', '\\*\\.example'),
  ],
  [
    'an unsupported kind of proxy',
    registries({ proxy: { https: 'socks5://proxy' } }),
    notMatched('/config/registries/proxy/https', 'socks5://proxy'),
  ],
  [
    'a repository with a tag',
    { image: { repository: 'reg.example/icb:1.0' } },
    notMatched('/image/repository', 'reg\\.example/icb:1\\.0'),
  ],
  ['a tag that is a number', { image: { tag: 1 } }, /at '\/image\/tag': got number, want string/],
  [
    'a string instead of a boolean',
    { policy: { enabled: 'false' } },
    /at '\/policy\/enabled': got string, want boolean/,
  ],
  [
    'a boolean instead of a string',
    { podAnnotations: { inject: false } },
    /at '\/podAnnotations\/inject': got boolean, want string/,
  ],
  [
    'an invalid quantity',
    { resources: { limits: { memory: '256MB' } } },
    notMatched('/resources/limits/memory', '256MB'),
  ],
  [
    'an empty list of egress rules',
    { networkPolicy: { egress: [] } },
    /at '\/networkPolicy\/egress': minItems: got 0, want 1/,
  ],
  [
    'a name that is too long',
    { fullnameOverride: 'a'.repeat(55) },
    /at '\/fullnameOverride': maxLength: got 55, want 54/,
  ],
  [
    'an incomplete topology spread constraint',
    { topologySpreadConstraints: [{ maxSkew: 1 }] },
    /at '\/topologySpreadConstraints\/0': missing properties 'topologyKey', 'whenUnsatisfiable'/,
  ],
];

/** Kubernetes and Helm validate these values themselves. */
const OPEN = ['/properties/global', '/definitions/texts', '/definitions/kubernetes'];

describe('the schema of the values', () => {
  let chart: Chart;
  const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as Schema;
  before(async () => {
    chart = await Chart.open();
  });

  for (const [title, values] of Object.entries(accepted))
    it(`accepts ${title}, and so does the controller`, async () => {
      assert.equal(chart.problems(values), '');
      await assertTaken(container(podTemplate(chart.objects({ values }))));
    });

  for (const [title, values, message] of refused)
    it(`refuses ${title}`, () => {
      const lines = chart.refusal(values).trim().split('\n');
      const problems = lines.filter((line) => line.startsWith('- '));
      assert.equal(problems.length, 1, lines.join('\n'));
      assert.match(problems[0] ?? '', message);
    });

  it('is closed at every level, so that no typo goes unnoticed', () => {
    const open = objectsOf(schema, '').filter(
      ([, { additionalProperties }]) => additionalProperties !== false,
    );
    assert.deepEqual(
      open.map(([path]) => path),
      OPEN,
    );
  });

  it('describes every value, and so does the README', () => {
    const rows = readFileSync(join(CHART, 'README.md'), 'utf8').matchAll(
      /^\| `([^`]+)` \| \w+ \| .* \| (.*) \|$/gm,
    );
    const described = [...rows].flatMap(([, path = '', text = '']) => (text.trim() === '' ? [] : [path]));
    const leaves = leavesOf(load(readFileSync(join(CHART, 'values.yaml'), 'utf8')));
    assert.ok(leaves.length > 50);
    for (const path of leaves) {
      const keys = path.split('.');
      const within = keys.map((_, index) => keys.slice(0, index + 1).join('.'));
      assert.ok(
        within.some((each) => described.includes(each)),
        `${path} has no comment`,
      );
      assert.ok(schemaAt(schema, keys) !== undefined, `${path} is not in the schema`);
    }
    // The README describes no value that does not exist.
    for (const path of described)
      assert.ok(
        leaves.some((leaf) => `${leaf}.`.startsWith(`${path}.`)),
        path,
      );
  });

  /** The schema of the value at a path. A list is a leaf. */
  function schemaAt(from: Schema, [key, ...others]: readonly string[]): Schema | undefined {
    const found = from.$ref === undefined ? from : schema.definitions?.[from.$ref.split('/').at(-1) ?? ''];
    if (key === undefined || found === undefined) return found;
    const next = found.properties?.[key] ?? found.additionalProperties;
    return typeof next === 'object' ? schemaAt(next, others) : undefined;
  }
});

/** All schemas of objects, with their paths. */
function objectsOf(schema: Schema, path: string): readonly (readonly [string, Schema])[] {
  const inner = [
    ...Object.entries(schema.properties ?? {}).map(
      ([name, each]) => [`${path}/properties/${name}`, each] as const,
    ),
    ...Object.entries(schema.patternProperties ?? {}).map(
      ([name, each]) => [`${path}/patternProperties/${name}`, each] as const,
    ),
    ...Object.entries(schema.definitions ?? {}).map(
      ([name, each]) => [`${path}/definitions/${name}`, each] as const,
    ),
    ...(schema.items === undefined ? [] : [[`${path}/items`, schema.items] as const]),
  ];
  const own = schema.type === 'object' ? [[path, schema] as const] : [];
  return [...own, ...inner.flatMap(([at, each]) => objectsOf(each, at))];
}

/** The paths of all values that are not maps, and of empty maps. */
function leavesOf(values: unknown, path: readonly string[] = []): readonly string[] {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return [path.join('.')];
  const entries = Object.entries(values);
  if (entries.length === 0) return [path.join('.')];
  return entries.flatMap(([name, value]) => leavesOf(value, [...path, name]));
}
