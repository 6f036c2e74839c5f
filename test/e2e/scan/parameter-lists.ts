/** Random parameters for `trivy image`, for the comparison with the real Trivy. */
import fc from 'fast-check';
import {
  ALIASES,
  type FlagType,
  type KnownFlag,
  REMOVED_FLAGS,
  TRIVY_FLAGS,
} from '../../../src/scan/trivy-flags.ts';

/** Parameters that belong together, such as a flag and its value. */
export type Piece = readonly string[];

export const IMAGES = [
  'registry.example.org/app:1',
  'registry.example.org/team/app',
  'registry.example.org:5000/app@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  'localhost:5000/app',
  'nginx',
  'team/app:2',
];

/** Arguments that are no images, or that Trivy reads in another way than their author meant. */
const ODD_ARGUMENTS = [
  ...['image', 'i', 'trivy', 'fs', 'true', 'false', 'HIGH', '-', '', 'json', '5m'],
  ...[
    'docker://registry.example.org/app:1',
    'docker-pullable://registry.example.org/app:1',
    'https://reg.example/app',
  ],
  ...[
    '"registry.example.org/app:1"',
    "'nginx'",
    ' registry.example.org/app:1 ',
    'registry.example.org/app:1 --quiet',
  ],
  ...[
    'registry.example.org/App',
    'registry.example.org/app:1:2',
    'registry.example.org/app@sha256:ab',
    '$(IMAGE)',
  ],
];

/** What is no flag, or a flag in an odd notation. */
const ODD_FLAGS = [
  '--',
  '---quiet',
  '--=x',
  '-=',
  '-test.v',
  '--severity HIGH',
  '-s HIGH',
  '--"debug"',
  '-s',
];

/** Values that Trivy accepts, for flags that do not accept any text. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  'cache-backend': ['fs', 'memory'],
  'checks-bundle-repository': ['reg.example/checks:1'],
  'db-repository': ['reg.example/db:2', 'reg.example/db:2,reg.example/other:2'],
  'detection-priority': ['precise'],
  distro: ['debian/12'],
  format: ['json', 'table', 'sarif'],
  'ignore-status': ['fixed', 'affected,fixed'],
  'image-config-scanners': ['secret'],
  'image-src': ['remote', 'docker,remote'],
  'java-db-repository': ['reg.example/java:1'],
  'max-image-size': ['10MB'],
  'misconfig-scanners': ['helm'],
  'pkg-relationships': ['direct,indirect'],
  'pkg-types': ['os', 'library,os'],
  platform: ['linux/amd64'],
  'raw-config-scanners': ['terraform'],
  'render-cause': ['terraform'],
  report: ['all'],
  'sbom-sources': ['oci'],
  scanners: ['secret'],
  server: ['http://127.0.0.1:1'],
  severity: ['HIGH', 'HIGH,CRITICAL', '"HIGH",LOW'],
  'table-mode': ['summary'],
  'vuln-severity-source': ['nvd,ghsa'],
};

/** Texts for flags that accept any. Some look like an image, a flag or a command. */
const TEXTS = ['x', 'image', 'nginx', 'registry.example.org/other:1', 'a b', '-x', '--quiet', './a.yaml', ''];
const BY_TYPE: Readonly<Record<FlagType, readonly string[]>> = {
  bool: ['true', 'false', '1', '0', 'T', 'False'],
  int: ['0', '5', '+3', '0x10', '1_0'],
  float: ['0.5', '1', '.5', '1e-1'],
  duration: ['5m', '1h30m', '90s'],
  string: TEXTS,
  strings: [...TEXTS, '"a,b",c', 'a,,b'],
};
const WRONG: Readonly<Record<FlagType, readonly string[]>> = {
  bool: ['yes', '', 'TRue', 'nginx'],
  int: ['x', '', '5.0', '08', 'registry.example.org/app:1'],
  float: ['x', '', '1,0'],
  duration: ['5', '', 'x', '5 m', 'registry.example.org/app:1'],
  string: ['"x'],
  strings: ['"x', 'a"b', '"a"b', '"registry.example.org/app:1'],
};

/**
 * Flags that the comparison leaves out, because Trivy then says nothing of the image. `quiet` hides the error with its name.
 * The others need files, a login, more than one flag, or a network before the image.
 */
const LEFT_OUT: ReadonlySet<string> = new Set([
  ...['quiet', 'q', 'config', 'c', 'cacert', 'compliance', 'username', 'password', 'password-stdin', 'vex'],
]);

const FLAGS = [...TRIVY_FLAGS].filter(([name]) => !LEFT_OUT.has(name));
const isCommon = ([name, flag]: readonly [string, KnownFlag]) =>
  !REMOVED_FLAGS.has(flag.name) && !['help', 'h', 'generate-default-config', 'input'].includes(name);
const common = fc.constantFrom(...FLAGS.filter(isCommon));
const rare = fc.constantFrom(...FLAGS.filter((each) => !isCommon(each)));
const aliased = fc.constantFrom(...FLAGS.filter(([name]) => name in ALIASES));
const short = fc.constantFrom(...FLAGS.filter(([name]) => name.length === 1));

function valueFor({ name, type }: KnownFlag): fc.Arbitrary<string> {
  const right = fc.constantFrom(...(VALUES[name] ?? BY_TYPE[type]));
  return fc.oneof(
    { weight: 30, arbitrary: right },
    { weight: 1, arbitrary: fc.constantFrom(...WRONG[type]) },
  );
}

const flag: fc.Arbitrary<Piece> = fc
  .oneof(
    { weight: 8, arbitrary: common },
    { weight: 4, arbitrary: aliased },
    { weight: 4, arbitrary: short },
    { weight: 1, arbitrary: rare },
  )
  .chain(([name, known]) =>
    fc.tuple(fc.constant(name), valueFor(known), fc.nat(3)).map(([, value, notation]): Piece => {
      const dashed = name.length === 1 ? `-${name}` : `--${name}`;
      if (notation === 0) return [`${dashed}=${value}`];
      if (known.type === 'bool') return [dashed];
      return name.length === 1 && notation === 1 ? [`${dashed}${value}`] : [dashed, value];
    }),
  );

const LETTERS = [...'dv'];
const cluster: fc.Arbitrary<Piece> = fc
  .tuple(
    fc.array(fc.constantFrom(...LETTERS), { minLength: 1, maxLength: 4 }),
    fc.constantFrom<Piece>(
      ['', ''],
      ['s', 'HIGH'],
      ['f', 'json'],
      ['o', 'nginx'],
      ['t', '@x.tpl'],
      ['h', ''],
      ['d=', '0'],
    ),
    fc.boolean(),
  )
  .map(([letters, [last = '', value = ''], isJoined]) => {
    const word = `-${letters.join('')}${last}`;
    return value === '' || isJoined || last.endsWith('=') ? [`${word}${value}`] : [word, value];
  });

const image = fc.constantFrom(...IMAGES).map((text): Piece => [text]);
const oddArgument = fc.constantFrom(...ODD_ARGUMENTS).map((text): Piece => [text]);
const oddFlag = fc.constantFrom(...ODD_FLAGS).map((text): Piece => [text]);

/** Mostly flags around one image. */
const usual = fc
  .tuple(fc.array(fc.oneof(flag, flag, cluster), { maxLength: 4 }), image, fc.array(flag, { maxLength: 2 }))
  .map(([before, one, after]) => [...before, one, ...after]);

const any = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: flag },
    { weight: 2, arbitrary: cluster },
    { weight: 3, arbitrary: image },
    { weight: 3, arbitrary: oddArgument },
    { weight: 2, arbitrary: oddFlag },
  ),
  { maxLength: 5 },
);

/** Usual flags around one odd argument. */
const odd = fc
  .tuple(fc.array(flag, { maxLength: 2 }), oddArgument, fc.array(flag, { maxLength: 2 }))
  .map(([before, one, after]) => [...before, one, ...after]);

/** Lists whose flags Trivy knows. */
export const parameterLists: fc.Arbitrary<readonly Piece[]> = fc.oneof(
  { weight: 3, arbitrary: usual },
  { weight: 2, arbitrary: any },
  { weight: 1, arbitrary: odd },
);
