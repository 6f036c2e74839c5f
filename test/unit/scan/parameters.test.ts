import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hasCredentialParameters, imageParameter } from '../../../src/scan/parameters.ts';

const IMAGE = 'registry.example.org/app:1';

describe('imageParameter', () => {
  const cases: readonly { name: string; parameters: readonly string[]; index?: number }[] = [
    { name: 'as the only parameter', parameters: ['nginx'], index: 0 },
    { name: 'after a flag with its value', parameters: ['--severity', 'HIGH', 'nginx'], index: 2 },
    { name: 'after a flag with = and a value', parameters: ['--severity=HIGH', 'nginx'], index: 1 },
    { name: 'after a flag without a value', parameters: ['--ignore-unfixed', 'nginx'], index: 1 },
    { name: 'after a boolean flag with =', parameters: ['--ignore-unfixed=false', 'nginx'], index: 1 },
    { name: 'before flags', parameters: ['nginx', '--format', 'json'], index: 0 },
    { name: 'after a short flag with its value', parameters: ['-s', 'HIGH', 'nginx'], index: 2 },
    { name: 'after a short flag that contains its value', parameters: ['-sHIGH', 'nginx'], index: 1 },
    { name: 'after a short flag with = and a value', parameters: ['-s=HIGH', 'nginx'], index: 1 },
    { name: 'after short flags without values', parameters: ['-qd', 'nginx'], index: 1 },
    { name: 'after short flags, the last with a value', parameters: ['-qs', 'HIGH', 'nginx'], index: 2 },
    { name: 'after --', parameters: ['--quiet', '--', 'nginx'], index: 2 },
    { name: 'after an alias of a boolean flag', parameters: ['--skip-update', 'nginx'], index: 1 },
    { name: 'after another alias', parameters: ['--skip-policy-update', '--trace', 'nginx'], index: 2 },
    { name: 'after a deprecated flag', parameters: ['--slow', '--light', 'nginx'], index: 2 },
    { name: 'after an alias with a value', parameters: ['--security-checks', 'vuln', 'nginx'], index: 2 },
    {
      name: 'after a value that looks like a flag',
      parameters: ['--template', '--quiet', 'nginx'],
      index: 2,
    },
    { name: 'beside an empty --input', parameters: ['--input=', 'nginx'], index: 1 },
    { name: 'beside --help that is off', parameters: ['--help', '--help=false', 'nginx'], index: 2 },
    { name: 'among only flags', parameters: ['--input', 'image.tar'] },
    { name: 'beside --input', parameters: ['--input', 'image.tar', 'nginx'] },
    { name: 'beside --help', parameters: ['-h', 'nginx'] },
    { name: 'in a value of a flag', parameters: ['--format', 'json'] },
    { name: 'without parameters', parameters: [] },
  ];
  for (const { name, parameters, index } of cases) {
    it(`${index === undefined ? 'finds no image' : 'finds the image'} ${name}`, () => {
      const found = imageParameter(parameters);
      assert.equal(found.result === 'Image' ? found.index : undefined, index);
      assert.equal(found.result === 'Image' ? found.after : undefined, undefined);
    });
  }
});

describe('imageParameter, for flags that no known version of Trivy has', () => {
  const cases: readonly (readonly [parameters: readonly string[], after: string | undefined])[] = [
    [['--new', IMAGE], '--new'],
    [['--new', IMAGE, '--severity', 'HIGH'], '--new'],
    [['--severity', 'HIGH', '-qx', IMAGE], '-x'],
    [['--new', '--newer', IMAGE], '--newer'],
    [['--new', 'value', '--newer', IMAGE], '--newer'],
    [['--new', 'localhost/app'], '--new'],
    // In these lists, the image is certain: it is the image, or Trivy refuses the list.
    [['--new', 'value', IMAGE], undefined],
    [['--new=value', IMAGE], undefined],
    [['--new', '--quiet', IMAGE], undefined],
    [[IMAGE, '--new'], undefined],
  ];
  for (const [parameters, after] of cases)
    it(`finds the image in ${parameters.join(' ')}, ${after === undefined ? 'which is certain' : 'but not certain'}`, () => {
      const found = imageParameter(parameters);
      assert.equal(found.result === 'Image' ? found.after : found.message, after);
      assert.equal(found.result === 'Image' && found.image.repository, 'app');
    });

  it('finds no image if two parameters may be it, or none has the host of a registry', () => {
    const two = imageParameter(['--new', IMAGE, '--newer', 'registry.example.org/other']);
    assert.match(
      two.result === 'Invalid' ? two.message : '',
      /^2 parameters may be the image.*--new, --newer.*"="/,
    );
    for (const value of ['app', 'team/app', 'HIGH,LOW'])
      assert.equal(imageParameter(['--new', value]).result, 'None', value);
  });
});

/** Lists that Trivy refuses or misreads, and what the message says. */
const MISTAKES: readonly (readonly [name: string, parameters: readonly string[], says: RegExp])[] = [
  ['the sub-command', ['image', IMAGE], /found 2 \("image", "registry.*already contains "image"; remove it/],
  ['the name of the program', ['trivy', 'image', IMAGE], /already contains "trivy"; remove it/],
  ['two images', [IMAGE, 'registry.example.org/b'], /found 2 \(.*keep only the image/],
  ['four images', [IMAGE, IMAGE, IMAGE, IMAGE], /found 4 \(.* and 1 more\)/],
  ['the value of a boolean flag', ['--quiet', 'true', IMAGE], /join "true" to the flag before it with "="/],
  [
    'a flag and its value in one',
    ['--severity HIGH', IMAGE],
    /contains the flag --severity .*two parameters/,
  ],
  ['a short flag and its value in one', ['-s HIGH', IMAGE], /contains the flag -s .*two parameters/],
  ['another scheme', [`docker-pullable://${IMAGE}`], /scheme docker-pullable:\/\/.*remove it/],
  ['a scheme in quotes', [`"docker://${IMAGE}"`], /scheme docker:\/\/.*remove it/],
  ['quotes', [`"${IMAGE}"`], /contains quotes.*remove the quotes/],
  ['apostrophes', [`'${IMAGE}'`], /contains quotes/],
  ['typographic quotes', [`\u201c${IMAGE}\u201d`], /contains quotes/],
  ['spaces around it', [` ${IMAGE} `], /begins or ends with spaces or line breaks; remove them/],
  ['a line break', [`${IMAGE}\n`], /line breaks; remove them/],
  ['a whole command line', [`${IMAGE} --severity HIGH`], /contains spaces.*make each word a parameter/],
  ['a typographic dash', ['\u2014severity', 'HIGH', IMAGE], /dash that is not "-"/],
  ['a variable', ['$(IMAGE)'], /contains a variable/],
  ['a login', ['me:hunter2@registry.example.org/app'], /contains "@" before the first "\/"/],
  ['upper case', ['registry.example.org/App'], /found "App" in .*write it in lower case$/],
  ['a broken digest', [`${IMAGE}@sha256:ab`], /found "sha256:ab" in /],
  [
    'the image as the value of a flag',
    ['--format', IMAGE],
    /as the value of the flag --format; add the value/,
  ],
  ['only flags', ['--quiet'], /found only flags and their values; add the image/],
  [
    'too many unknown flags',
    [...Array.from({ length: 100 }, (_, index) => [`--new-${index}`, 'x']).flat(), '--last', IMAGE],
    /at most 100 parameters after flags that the controller does not know, found 101 such parameters/,
  ],
  ['a very long argument', ['a '.repeat(100_000)], /parameter 1 has more than 4,095 characters/],
  ['an unknown flag', [`--image=${IMAGE}`], /among them --image, which the controller does not know/],
  ['a flag that Trivy has removed', ['--reset', IMAGE], /does not support the flag --reset any more/],
  ['an alias of a removed flag', ['--reset-policy-bundle', IMAGE], /--reset-checks-bundle any more/],
  ['a flag without its value', [IMAGE, '--severity'], /--severity has no value/],
  ['a wrong boolean', ['--quiet=yes', IMAGE], /--quiet has a value that is not true or false/],
  ['a wrong number', ['--parallel', 'x', IMAGE], /--parallel has a value that is not a whole number/],
  ['a wrong duration', ['--timeout', '5', IMAGE], /--timeout has a value that is not a duration/],
  ['a duration with two signs', ['--timeout=-+5m', IMAGE], /--timeout has a value that is not a duration/],
  ['a list with a stray quote', ['--severity=HI"GH', IMAGE], /--severity has a value that is not a list/],
  ['a third dash', ['---quiet', IMAGE], /parameter 1 is not the name of a flag/],
];

describe('imageParameter, for frequent mistakes', () => {
  for (const [name, parameters, says] of MISTAKES)
    it(`says what to do about ${name}`, () => {
      const found = imageParameter(parameters);
      assert.match(found.result === 'Image' ? 'an image' : found.message, says);
    });

  it('quotes no argument that may be a password', () => {
    const lists = [
      ['--password-stdin', 'hunter2', IMAGE],
      ['--password hunter2', IMAGE],
      [`${IMAGE} --password hunter2`],
      ['-p hunter2', IMAGE],
      [`https://me:hunter2@${IMAGE}`],
      ['me:hunter2@registry.example.org/app'],
      ['--new', 'hunter2'],
      ['--registry-token', 'a.b/hunter2'],
      ['Hunter2!', IMAGE],
      ['Hunter2!'],
      ['--quiet=hunter2', IMAGE],
      ['--hunter2!', IMAGE],
    ];
    for (const parameters of lists) {
      const found = imageParameter(parameters);
      assert.doesNotMatch(found.result === 'Image' ? '' : found.message, /hunter2/i, parameters.join(' '));
      assert.notEqual(found.result, 'Image', parameters.join(' '));
    }
  });

  it('bounds its message, and reads a megabyte in linear time', { timeout: 20_000 }, () => {
    const most = 1_000_000;
    const texts = ['1', 'a', '@', '/', '"', ' ', '-q', '.', ',', '"",', 'a b', '$(', ':'].map((text) =>
      text.repeat(most / text.length),
    );
    const lists = texts.flatMap((text) => [
      [text],
      [`--${text}`],
      [`-${text}`],
      ...['severity', 'parallel', 'license-confidence-level', 'timeout'].map((flag) => [
        `--${flag}`,
        text,
        IMAGE,
      ]),
      ['--new', text],
    ]);
    // As many as fit an object in etcd.
    const many = Array.from({ length: 400_000 }, () => 'a');
    for (const parameters of [...lists, many]) {
      const found = imageParameter(parameters);
      assert.ok(found.result === 'Image' || found.message.length < 2_000);
    }
  });
});

describe('hasCredentialParameters', () => {
  it('finds credentials in parameters in any notation', () => {
    for (const parameters of [['--username', 'u'], ['--password=p'], ['--registry-token', 't']]) {
      assert.equal(hasCredentialParameters(parameters), true, parameters.join(' '));
    }
    assert.equal(hasCredentialParameters(['--password-stdin', '--severity', 'HIGH']), false);
  });
});
