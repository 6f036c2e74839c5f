import fc from 'fast-check';
import type { ImageCredentialBindingSpec } from '../../../src/api/index.ts';
import type { KubeObject } from '../../../src/object/object.ts';

/** The objects of a namespace, in the order in which to create them. */
export interface World {
  readonly secrets: readonly WorldObject[];
  readonly scans: readonly WorldObject[];
  /** In the order of their names, because the files do not say which binding is older. */
  readonly bindings: readonly (WorldObject & { readonly spec: ImageCredentialBindingSpec })[];
}

export type WorldObject = KubeObject & Readonly<Record<string, unknown>>;

const MANAGED = { 'app.kubernetes.io/managed-by': 'image-credential-binding' };
const REGISTRIES = 'credentials.securecodebox.io/registries';
const ECR = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const ACR = 'acme.azurecr.io';
const REPOSITORIES = [
  'reg.example/app',
  'reg.example/new',
  'other.example/app',
  `${ECR}/app`,
  `${ACR}/app`,
  'nginx',
];
const SECRET_NAMES = ['pull', 'pull-5m2h6gk9tc', 'regcred', 'other'];
const GONE = ['gone', 'regcerd'];
const PASSWORD = 'made-up';

const encoded = (values: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(values).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  );
const jwt = (exp: number) => `e30.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.c2ln`;

const registryKeys = fc.constantFrom(
  ...[
    'reg.example',
    'reg.example/app',
    'reg.example/',
    'https://reg.example/v1/',
    '*.example',
    'other.example',
  ],
  ...[
    ECR,
    ACR,
    'https://index.docker.io/v1/',
    'docker.io',
    'reg.example:443',
    'REG.example',
    'nothing.example',
  ],
);
const logins = fc.constantFrom<unknown>(
  ...Array.from({ length: 6 }, () => ({ username: 'scanner', password: PASSWORD })),
  { auth: Buffer.from(`AWS:${PASSWORD}`).toString('base64') },
  { auth: Buffer.from(`user:${jwt(1_000_000_000)}`).toString('base64') },
  { auth: Buffer.from('00000000-0000-0000-0000-000000000000:').toString('base64'), identitytoken: PASSWORD },
  { registrytoken: PASSWORD },
  ...[{}, { auth: '!' }, { username: 'scanner' }, { username: 1 }, 'text', null],
);
const auths = fc
  .array(fc.tuple(registryKeys, logins), { maxLength: 4 })
  .map((entries) => Object.fromEntries(entries));

interface Content {
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}

const EXTRA_KEYS = { 'access-key': 'a', 'key.json': '{}', clientId: 'b', username: 'c' };
const dockerConfigs = fc
  .record({
    config: fc.oneof(
      { weight: 6, arbitrary: auths.map((entries) => ({ auths: entries })) },
      fc.constantFrom<unknown>({}, { auths: [] }, { auths: null }, { credsStore: 'pass' }, { Auths: {} }),
    ),
    extra: fc.boolean(),
  })
  .map(({ config, extra }): Content => {
    const data = encoded({ '.dockerconfigjson': JSON.stringify(config), ...(extra ? EXTRA_KEYS : {}) });
    return { type: 'kubernetes.io/dockerconfigjson', data };
  });
const dockercfgs = fc
  .oneof(
    auths,
    auths.map((entries) => ({ auths: entries })),
  )
  .map(
    (config): Content => ({
      type: 'kubernetes.io/dockercfg',
      data: encoded({ '.dockercfg': JSON.stringify(config) }),
    }),
  );
const AWS_KEYS = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'made/up/0123456789abcdef',
};
const others = fc.constantFrom<Content>(
  { type: 'Opaque', data: encoded(AWS_KEYS) },
  { type: 'Opaque', data: encoded({ AWS_ACCESS_KEY_ID: AWS_KEYS.AWS_ACCESS_KEY_ID }) },
  { type: 'Opaque', data: encoded({ ...AWS_KEYS, AZURE_CLIENT_ID: 'a' }) },
  {
    type: 'Opaque',
    data: encoded({ AZURE_CLIENT_ID: '00000000-1111-2222-3333-555555555555', AZURE_CLIENT_SECRET: PASSWORD }),
  },
  { type: 'Opaque', data: encoded({ 'key.json': '{"type":"service_account"}' }) },
  { type: 'Opaque', data: encoded({ '.dockerconfigjson': '{"auths":{"reg.example":{"auth":"YTpi"}}}' }) },
  { type: 'Opaque', data: encoded({ username: 'scanner', password: PASSWORD }) },
  { type: 'Opaque', data: {} },
  { type: 'kubernetes.io/basic-auth', data: encoded({ username: 'scanner', password: PASSWORD }) },
  { type: 'kubernetes.io/basic-auth', data: encoded({ username: 'AWS', password: `${PASSWORD}\n` }) },
  { type: 'kubernetes.io/basic-auth', data: encoded({ username: 'scanner' }) },
  { type: 'kubernetes.io/basic-auth', data: encoded({ username: '', password: '' }) },
  { type: 'kubernetes.io/ssh-auth', data: encoded({ 'ssh-privatekey': 'a' }) },
  { type: 'example.org/own', data: encoded({ username: 'scanner', password: PASSWORD }) },
);
const annotations = fc.constantFrom<Readonly<Record<string, string>> | undefined>(
  undefined,
  ...['reg.example', `reg.example, ${ECR} ${ACR}`, ECR, ACR, 'https://reg.example', '', 'REG.example'].map(
    (hosts) => ({
      [REGISTRIES]: hosts,
    }),
  ),
);

const secrets = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom(...SECRET_NAMES),
    content: fc.oneof({ weight: 4, arbitrary: dockerConfigs }, dockercfgs, { weight: 3, arbitrary: others }),
    annotations,
    isManaged: fc
      .boolean()
      .chain((maybe) => (maybe ? fc.nat(4).map((number) => number === 0) : fc.constant(false))),
  }),
  { minLength: 1, maxLength: 4, selector: ({ name }) => name },
);

const images = fc
  .tuple(
    fc.constantFrom(...REPOSITORIES, ...Array.from({ length: 8 }, () => 'reg.example/app')),
    fc.constantFrom('', '', ':1', ':latest'),
  )
  .map(([repository, tag]) => `${repository}${tag}`);
const labels = fc.constantFrom<Readonly<Record<string, string>> | undefined>(
  undefined,
  { team: 'a' },
  { team: 'b' },
);

const bindings = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    image: images,
    picks: fc.uniqueArray(fc.nat(6), { minLength: 1, maxLength: 3 }),
    namesNone: fc.nat(9).map((number) => number === 0),
    replaces: fc.uniqueArray(fc.constantFrom(...REPOSITORIES), { maxLength: 2 }),
    replacing: fc.nat(3).map((number) => number === 0),
    mode: fc.constantFrom<NonNullable<ImageCredentialBindingSpec['mode']>>(
      'Enforce',
      'Enforce',
      'Enforce',
      'Observe',
    ),
    verification: fc.constantFrom<NonNullable<ImageCredentialBindingSpec['verification']>>(
      'Never',
      'Never',
      'Preferred',
      'Required',
    ),
    delivery: fc.constantFrom<ImageCredentialBindingSpec['delivery']>(
      undefined,
      undefined,
      'Shared',
      'Direct',
      'Temporary',
    ),
    team: labels,
    selects: fc.nat(3).map((number) => number === 0),
    isDiscovered: fc.nat(5).map((number) => number === 0),
  }),
  { minLength: 1, maxLength: 3, selector: ({ name }) => name },
);

const VOLUME = 'image-credential-binding';
const scanSpecs = fc.record({
  image: images,
  /** Of the binding whose image, or previous repository, the scan names; if there is none, it names `image`. */
  pick: fc.nat(4),
  tag: fc.constantFrom('', ':1', ':2'),
  prefix: fc.constantFrom<readonly string[]>(
    [],
    [],
    ['--severity', 'HIGH'],
    ['--username', 'scanner'],
    ['one', 'two'],
  ),
  scanType: fc.constantFrom(
    'trivy-image',
    'trivy-image',
    'trivy-sbom-image',
    'trivy-image-autodiscovery',
    'nmap',
  ),
  mounts: fc.constantFrom<object>(
    ...[{}, {}, {}],
    { volumes: [{ name: VOLUME, emptyDir: {} }] },
    {
      volumes: [{ name: 'mine', emptyDir: {} }],
      volumeMounts: [{ name: 'mine', mountPath: '/var/run/secrets/image-credential-binding' }],
    },
    { env: [{ name: 'DOCKER_CONFIG', value: '/mine' }] },
  ),
  team: labels,
});

/** A random {@link World}. The API server accepts its objects. */
export const worlds: fc.Arbitrary<World> = fc
  .record({ secrets, bindings, scans: fc.array(scanSpecs, { maxLength: 3 }) })
  .map((found) => ({
    secrets: found.secrets.map(secretOf),
    scans: found.scans.map((scan, index) => scanOf(scan, index, found.bindings[scan.pick])),
    bindings: found.bindings
      .map((binding) => bindingOf(binding, found.secrets))
      .toSorted((one, other) => (one.metadata.name < other.metadata.name ? -1 : 1)),
  }));

type Generated<T> = T extends fc.Arbitrary<readonly (infer Item)[]> ? Item : never;

function secretOf({ name, content, annotations: noted, isManaged }: Generated<typeof secrets>): WorldObject {
  return {
    ...{ apiVersion: 'v1', kind: 'Secret' },
    metadata: {
      name,
      ...(noted === undefined ? {} : { annotations: noted }),
      ...(isManaged ? { labels: MANAGED } : {}),
    },
    ...content,
  };
}

/** Suspended, because a write waits while a run is due. */
function scanOf(
  found: typeof scanSpecs extends fc.Arbitrary<infer Spec> ? Spec : never,
  index: number,
  binding: Generated<typeof bindings> | undefined,
): WorldObject {
  const { prefix, scanType, mounts, team, tag } = found;
  const repository = binding?.replacing === true ? (binding.replaces[0] ?? binding.image) : binding?.image;
  const image = repository === undefined ? found.image : `${withoutTag(repository)}${tag}`;
  return {
    ...{ apiVersion: 'execution.securecodebox.io/v1', kind: 'ScheduledScan' },
    metadata: { name: `scan-${index}`, ...(team === undefined ? {} : { labels: team }) },
    spec: {
      ...{ interval: '12h', suspend: true },
      scanSpec: { scanType, parameters: [...prefix, image], ...mounts },
    },
  };
}

/** A pick is the index of a Secret, or is that of a name without a Secret. */
function bindingOf(
  found: Generated<typeof bindings>,
  existing: readonly Generated<typeof secrets>[],
): World['bindings'][number] {
  const present = existing.map(({ name: secret }) => secret);
  const pool = [...present, ...present, ...present, ...GONE];
  const names = found.namesNone
    ? []
    : [...new Set(found.picks.map((pick) => pool[pick % pool.length] ?? ''))];
  const { name, mode, verification, delivery, team, selects, isDiscovered } = found;
  const others = found.replacing ? found.replaces.filter((one) => !isOf(found.image, one)) : [];
  const image = others.length > 0 ? withoutTag(found.image) : found.image;
  const spec = {
    image,
    imagePullSecrets: names.map((secret) => ({ name: secret })),
    // Whether a scan is migrated depends on an answer of the registry, unless verification is Never.
    ...{ mode, verification: others.length > 0 ? ('Never' as const) : verification },
    ...(delivery === undefined ? {} : { delivery }),
    ...(others.length === 0 ? {} : { replaces: others }),
    ...(selects && team !== undefined ? { scanSelector: { matchLabels: team } } : {}),
  };
  return {
    ...{ apiVersion: 'credentials.securecodebox.io/v1alpha1', kind: 'ImageCredentialBinding' },
    metadata: { name, ...(isDiscovered ? { labels: MANAGED } : {}) },
    spec,
  };
}

function withoutTag(image: string): string {
  return image.replace(/:[^:/]*$/, '');
}

function isOf(image: string, repository: string): boolean {
  return withoutTag(image) === repository;
}
