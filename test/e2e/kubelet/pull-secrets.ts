/** Random pull secrets and related images, for the comparison with the kubelet. */
import fc from 'fast-check';
import type { PlainSecret } from './oracle.ts';

/** An entry of a pull secret, besides its text. */
export interface Entry {
  /** Its e-mail address, which is also a part of every value in it. */
  readonly id: string;
  readonly key: string;
  /** Fields as JSON, in order; `undefined`: the entry is null. */
  readonly fields: readonly (readonly [name: string, json: string])[] | undefined;
  /** Why the kubelet does not receive the entry, or what only the controller supports about it. */
  readonly nature: 'Plain' | 'Broken' | 'Excluded' | 'NotUtf8';
  /** The token that the controller uses if there is no complete login. */
  readonly token: string | undefined;
}

export interface Case {
  readonly image: string;
  /** As the controller receives them. */
  readonly secrets: readonly PlainSecret[];
  /**
   * As the kubelet receives them: without the parts that would make the kubelet refuse all Secrets, and without those
   * that docs/adr/0008 excludes.
   */
  readonly mended: readonly PlainSecret[];
  readonly entries: ReadonlyMap<string, Entry>;
}

/** Placeholder in the rendered text for bytes that are not UTF-8. */
const NOT_UTF8 = '\uE000';

const HOSTS = [
  'reg.io',
  'a.reg.io',
  'b.a.reg.io',
  'eu.pkg.dev',
  'localhost',
  'ACME',
  'A',
  'Reg.io',
  '1.2.3.4',
  'my_host.io',
  '[::1]',
  '[2001:db8::1]',
  '[1]',
];
const HUB = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];
const REPOSITORIES = [
  'app',
  'team/app',
  'teamwork/app',
  'team/sub/app',
  'library/nginx',
  'v1/app',
  'a.b/c_d',
];
const HUB_KEYS = [
  'docker.io',
  'index.docker.io',
  'https://index.docker.io/v1/',
  'https://index.docker.io/v2/',
  'http://index.docker.io',
  'index.docker.io/',
  'index.docker.io:',
  'https://index.docker.io/v1',
  'index.docker.io/%76%31/',
  'registry-1.docker.io',
  'docker.io/library',
  'docker.io/team',
  'index.docker.io/team',
  '*.docker.io',
  '*.io',
  'https://docker.io/v1/',
];
/** Keys that name no registry, or that net/url parses in special ways. */
const ODD_KEYS = [
  '',
  '/',
  'https://',
  'HTTPS://reg.io',
  'ftp://reg.io',
  'https://https://reg.io',
  'reg.io//team',
  'reg.io/v1//team',
  're%67.io',
  'r%C3%A9g.io',
  'reg%25.io',
  'reg.io/te%61m',
  'reg.io/te%2561m',
  'reg.io/team%3Fx%C3%A9',
  'reg.io/team%23%25zz',
  'reg.io/team%23x',
  'reg.io/te%6',
  'reg.io/team%00',
  'reg.io/\u0001',
  'reg.io/%2F',
  'reg.io:port',
  'reg.io:1:2',
  'reg[12].io',
  'reg.i[a-o]',
  '[r]eg.io',
  '[reg.io',
  'reg.io]',
  '*]',
  '*1]',
  '[::1]:',
  '[1]:5000',
  '[::ffff:1.2.3.4]:5000',
  '[fe80::1%25eth0]:5000',
  'r\\eg.io',
  'rég.io',
  're g.io',
  'reg.io/te am',
  'reg.io/tëam',
  '5000',
  'https://5000',
];
/** docs/adr/0008 excludes these keys. The kubelet drops a part of each, or reads brackets as a set of characters. */
const EXCLUDED_KEYS = [
  'u:p@reg.io',
  'https://u@reg.io/team',
  'reg.io?x',
  'reg?.io',
  'a?.reg.io',
  'reg.io#x',
  'reg.io/team#',
  'reg.io/@team',
  '[::1]',
  '[A::1]',
];

const image = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...HOSTS) },
      { weight: 1, arbitrary: fc.constantFrom(...HUB, '') },
    ),
    fc.constantFrom('', '', '', ':5000', ':443'),
    fc.constantFrom(...REPOSITORIES),
    fc.constantFrom('', ':1.0', `@sha256:${'a'.repeat(64)}`, `:1@sha256:${'a'.repeat(64)}`),
  )
  .filter(([host, port]) => (port === '' ? host !== '[1]' : host !== '' && host !== 'my_host.io'))
  .map(
    ([host, port, repository, version]) => `${host === '' ? '' : `${host}${port}/`}${repository}${version}`,
  );

/** A host of the pool with globs in some of its labels. */
const globHost = fc
  .tuple(
    fc.constantFrom(...HOSTS, ...HUB),
    fc.array(fc.constantFrom('same', 'same', 'all', 'begin', 'end', 'middle', 'twice', 'none'), {
      minLength: 4,
      maxLength: 4,
    }),
  )
  .map(([host, ways]) =>
    host
      .split('.')
      .map((label, index) => globbed(label, ways[index] ?? 'same'))
      .join('.'),
  );

function globbed(label: string, way: string): string {
  const half = Math.ceil(label.length / 2);
  switch (way) {
    case 'all':
      return '*';
    case 'begin':
      return `${label.slice(0, half)}*`;
    case 'end':
      return `*${label.slice(half)}`;
    case 'middle':
      return `${label.slice(0, 1)}*${label.slice(-1)}`;
    case 'twice':
      return `*${label.slice(1, 2)}**`;
    case 'none':
      return `${label}*x`;
    default:
      return label;
  }
}

const likelyKey = fc
  .tuple(
    fc.constantFrom('', '', '', 'https://', 'http://'),
    fc.oneof(fc.constantFrom(...HOSTS), globHost),
    fc.constantFrom('', '', '', '', ':5000', ':443', ':'),
    fc.constantFrom('', '', '', '/v1', '/v2', '/v3'),
    fc.constantFrom(
      '',
      '',
      '/',
      '/team',
      '/team/',
      '/team/app',
      '/te',
      '/team/sub',
      '/library',
      '/v1/',
      '/x',
    ),
  )
  .map((parts) => parts.join(''));

/** Placeholder in a key for the host and port of the image. */
const OWN_HOST = '{host}';

const ownKey = fc
  .tuple(
    fc.constantFrom('', '', '', 'https://'),
    fc.constantFrom('', '', '', '/v1', '/v2'),
    fc.constantFrom('', '', '/', '/team', '/team/', '/team/app', '/te', '/team/sub', '/library', '/x'),
  )
  .map(([scheme, version, path]) => `${scheme}${OWN_HOST}${version}${path}`);

const mutatedKey = fc
  .tuple(likelyKey, fc.nat(), fc.constantFrom(...'*/:.%[]-_~!,;()&$+=|^<>"{}`Aé \u007f'), fc.boolean())
  .map(([key, at, character, insert]) => {
    const index = at % (key.length + 1);
    return `${key.slice(0, index)}${character}${key.slice(insert ? index : index + 1)}`;
  });

const key = fc.oneof(
  { weight: 12, arbitrary: likelyKey },
  { weight: 4, arbitrary: ownKey },
  { weight: 4, arbitrary: fc.constantFrom(...HUB_KEYS) },
  { weight: 2, arbitrary: fc.constantFrom(...ODD_KEYS) },
  { weight: 2, arbitrary: mutatedKey },
  { weight: 1, arbitrary: fc.constantFrom(...EXCLUDED_KEYS) },
);

type Shape = (id: string) => Pick<Entry, 'fields'> & Partial<Pick<Entry, 'nature' | 'token'>>;

const json = JSON.stringify;
const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64');
const auth = (id: string) => json(base64(`u${id}:p:${id}`));
const unpadded = (id: string) => json(base64(`u${id}:ü:${id}`).replace(/=+$/, ''));

const SHAPES: readonly Shape[] = [
  (id) => ({ fields: [['auth', auth(id)]] }),
  (id) => ({ fields: [['auth', unpadded(id)]] }),
  (id) => ({
    fields: [['auth', json(`${base64(`u${id}:p`).slice(0, 3)}\r\n${base64(`u${id}:p`).slice(3)}\n`)]],
  }),
  (id) => ({
    fields: [
      ['username', json(`u${id}`)],
      ['password', json(`p${id}`)],
    ],
  }),
  (id) => ({
    fields: [
      ['username', '"old"'],
      ['password', '"old"'],
      ['auth', auth(id)],
    ],
  }),
  (id) => ({
    fields: [
      ['auth', '""'],
      ['username', json(`u${id}`)],
      ['password', json(`p${id}`)],
    ],
  }),
  (id) => ({
    fields: [
      ['uſername', json(`u${id}`)],
      ['PASSWORD', json(`p${id}`)],
    ],
  }),
  (id) => ({
    fields: [
      ['username', '"old"'],
      ['Username', json(`u${id}`)],
      ['password', json(`p${id}`)],
    ],
  }),
  (id) => ({
    fields: [
      ['auth', auth(id)],
      ['auth', 'null'],
      ['Auth', 'null'],
    ],
  }),
  (id) => ({
    fields: [
      ['auth', auth('x')],
      ['AUTH', auth(id)],
      ['password', 'null'],
    ],
  }),
  (id) => ({
    fields: [
      ['username', `"u${id}\\ud800"`],
      ['password', `"${NOT_UTF8}${id}"`],
    ],
  }),
  (id) => ({
    fields: [
      ['auth', auth(id)],
      ['identitytoken', json(`t${id}`)],
    ],
    token: `t${id}`,
  }),
  (id) => ({
    fields: [
      ['auth', auth(id)],
      ['identitytoken', '5'],
      ['registrytoken', '[]'],
    ],
  }),
  (id) => ({ fields: [['auth', json(base64(`u${id}:`))]] }),
  (id) => ({
    fields: [
      ['auth', json(base64(`u${id}:`))],
      ['identitytoKen', json(`t${id}`)],
    ],
    token: `t${id}`,
  }),
  (id) => ({ fields: [['identitytoken', json(`t${id}`)]], token: `t${id}` }),
  (id) => ({
    fields: [
      ['identitytoken', '"i"'],
      ['registrytoken', json(`r${id}`)],
    ],
    token: `r${id}`,
  }),
  (id) => ({
    fields: [
      ['registrytoken', json(`r${id}`)],
      ['registrytoken', 'null'],
    ],
    token: `r${id}`,
  }),
  (id) => ({ fields: [['auth', json(base64(`:p${id}`))]] }),
  (id) => ({
    fields: [
      ['username', json(`u${id}`)],
      ['password', '""'],
    ],
  }),
  () => ({ fields: [] }),
  () => ({ fields: undefined }),
  (id) => ({
    fields: [
      ['other', '{"auth": [1e5, -0.5, {"a": "]}\\"\\\\"}, true]}'],
      ['auth', auth(id)],
    ],
  }),
  (id) => ({ fields: [['auth', json(base64(Buffer.from(`u${id}:\xe4`, 'latin1')))]], nature: 'NotUtf8' }),
  (id) => ({ fields: [['auth', json(`${base64(`u${id}:p`)}!`)]], nature: 'Broken' }),
  (id) => ({ fields: [['auth', json(base64(`u${id}`))]], nature: 'Broken' }),
  (id) => ({
    fields: [
      ['auth', auth(id)],
      ['password', '7'],
    ],
    nature: 'Broken',
  }),
];

const shape = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...SHAPES.slice(0, 6)) },
  { weight: 1, arbitrary: fc.constantFrom(...SHAPES) },
);

interface Layout {
  readonly legacy: boolean;
  /** The names of the fields of the document, such as `auths`. Each field holds some of the entries. */
  readonly names: readonly string[];
  readonly before: string;
  /** What precedes the entries in the older type, as if a whole config.json and entries were merged. */
  readonly beside: string;
  readonly fault: 'None' | 'ByteOrderMark' | 'NoJson' | 'OtherType' | 'NoData';
}

const layout: fc.Arbitrary<Layout> = fc.record({
  legacy: fc.constantFrom(false, false, true),
  names: fc.oneof(
    { weight: 6, arbitrary: fc.constant(['auths']) },
    { weight: 1, arbitrary: fc.constant(['auths', 'auths']) },
    { weight: 1, arbitrary: fc.constant(['AUTHS', 'authſ', 'Auths']) },
  ),
  before: fc.constantFrom(
    '',
    '',
    '"HttpHeaders":{"a":"b"},',
    '"auths":{"reg.io":{"auth":"dTpw"}},"auths":null,',
  ),
  beside: fc.constantFrom(
    '',
    '',
    '"auths":{"reg.io":{"auth":"dTpw"}}',
    '"auths":{"reg.io":{"auth":"dTpw"}},"HttpHeaders":{"a":"b"}',
  ),
  fault: fc.oneof(
    { weight: 12, arbitrary: fc.constant('None' as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Layout['fault']>('ByteOrderMark', 'NoJson', 'OtherType', 'NoData'),
    },
  ),
});

const secretParts = fc.tuple(layout, fc.array(fc.tuple(key, shape), { maxLength: 6 }));

/** A random case. The same seed produces the same cases. */
export const cases: fc.Arbitrary<Case> = fc
  .tuple(image, fc.array(secretParts, { minLength: 1, maxLength: 4 }))
  .map(([image, parts]) => {
    const secrets = parts.map(([layout, entries], index) => ({
      name: `s${index}`,
      layout,
      entries: withoutHiding(
        entries.map(([key, shape], at) =>
          entry(`${index}-${at}`, key.replace(OWN_HOST, hostIn(image)), shape),
        ),
      ),
    }));
    return {
      image,
      secrets: secrets.map(({ name, layout, entries }) => render(name, layout, entries)),
      mended: secrets.flatMap(({ name, layout, entries }) => {
        const kept = entries.filter(({ nature }) => nature === 'Plain' || nature === 'NotUtf8');
        return layout.fault === 'NoJson' ? [] : [render(name, { ...layout, fault: mended(layout) }, kept)];
      }),
      entries: new Map(secrets.flatMap(({ entries }) => entries.map((entry) => [entry.id, entry]))),
    };
  });

function hostIn(image: string): string {
  const [first = '', ...path] = image.split('/');
  return path.length > 0 && /[.:A-Z]|^localhost$/.test(first) ? first : 'docker.io';
}

function mended({ fault }: Layout): Layout['fault'] {
  return fault === 'ByteOrderMark' ? 'None' : fault;
}

function entry(id: string, key: string, shape: Shape): Entry {
  const { fields, nature = 'Plain', token } = shape(id);
  return { id, key, fields, nature: isExcluded(key) ? 'Excluded' : nature, token };
}

/** The keys that docs/adr/0008 excludes. */
function isExcluded(key: string): boolean {
  const address = key.replace(/^https?:\/\//, '');
  return /[?#@]/.test(key) || /^\[[^\]]*\](?=\/|$)/.test(address);
}

/** Drops each broken entry that has the key of another entry. It would hide the other one, and neither would be found. */
function withoutHiding(entries: readonly Entry[]): readonly Entry[] {
  const alone = ({ key }: Entry) => entries.filter((other) => other.key === key).length === 1;
  return entries.filter((entry) => entry.nature !== 'Broken' || alone(entry));
}

function render(name: string, layout: Layout, entries: readonly Entry[]): PlainSecret {
  const type = layout.legacy ? 'kubernetes.io/dockercfg' : 'kubernetes.io/dockerconfigjson';
  const dataKey = layout.legacy ? '.dockercfg' : '.dockerconfigjson';
  const text = layout.legacy ? object(entries, layout.beside) : dockerConfigJson(layout, entries);
  const bytes = Buffer.from(text).toString('latin1').replaceAll('\xee\x80\x80', '\xe2\x82');
  const value = Buffer.from(damaged(bytes, layout), 'latin1').toString('base64');
  return {
    name,
    type: layout.fault === 'OtherType' ? 'Opaque' : type,
    data: layout.fault === 'NoData' ? { other: value } : { [dataKey]: value },
  };
}

function damaged(bytes: string, { fault }: Layout): string {
  if (fault === 'ByteOrderMark') return `\xef\xbb\xbf${bytes}`;
  return fault === 'NoJson' ? bytes.slice(0, -1) : bytes;
}

function dockerConfigJson({ names, before }: Layout, entries: readonly Entry[]): string {
  const parts = names.map((name, index) => {
    const share = entries.filter((_, at) => Math.min(at, names.length - 1) === index);
    return `${JSON.stringify(name)}:${object(share)}`;
  });
  return `{${before}${parts.join(',')}}`;
}

function object(entries: readonly Entry[], beside = ''): string {
  const members = entries.map((entry) => `${JSON.stringify(entry.key)}: ${entryJson(entry)}`);
  return `{${[beside, ...members].filter((member) => member !== '').join(',\n')}}`;
}

function entryJson({ id, fields }: Entry): string {
  if (fields === undefined) return 'null';
  const members = [...fields, ['Email', JSON.stringify(id)] as const];
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
}
