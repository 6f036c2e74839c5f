import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readManifests } from '../../../../src/cli/inventory/files/manifests.ts';
import { namespacesOf } from '../../../../src/cli/validate/namespace.ts';
import { notesOf } from '../../../../src/cli/validate/notes.ts';
import { printed, summaryOf } from '../../../../src/cli/validate/output.ts';
import { validate } from '../../../../src/cli/validate/validation.ts';
import {
  binding,
  Files,
  pullSecret,
  runCommand,
  runValidate,
  scheduledScan,
} from '../../../support/explain.ts';
import { BINDINGS, SCANS, SECRETS } from '../../../support/manifests.ts';

const SETTINGS = { namespace: undefined, missingSecrets: undefined, delivery: 'Shared' } as const;
const LOGIN = { 'reg.example': { username: 'user', password: 'Canary-7Hq2' } };
const CANARY = /Canary-7Hq2|Q2FuYXJ5/;
const PULL = pullSecret('pull', LOGIN);
const in_ = (namespace: string) => ({ namespace });
const names = (name: string) => ({ imagePullSecrets: [{ name }] });
const several = (...objects: readonly object[]) => objects.map((one) => JSON.stringify(one)).join('\n---\n');
const jwt = (exp: number) => `e30.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.c2ln`;
const external = (name: string, spec: object = {}) => ({
  apiVersion: 'external-secrets.io/v1',
  kind: 'ExternalSecret',
  metadata: { name },
  spec,
});

interface Case {
  readonly what: string;
  /** By name in the folder. */
  readonly files: Readonly<Record<string, string | object>>;
  readonly args?: Partial<Parameters<typeof validate>[1]> & { readonly recursive?: boolean };
  /** The start of each line, and a pattern of its message. */
  readonly finds: readonly (readonly [string, RegExp])[];
}

/** The findings of the files in a folder, as lines that begin with the name in the folder. */
async function findingsIn(folder: string, args: Case['args'] = {}): Promise<readonly string[]> {
  const { recursive = false, ...settings } = args;
  const read = await readManifests([folder], recursive);
  const text = printed(validate(read, { ...SETTINGS, ...settings }).findings, 'text');
  assert.doesNotMatch(text, CANARY);
  return text.replaceAll(`${folder}/`, '').split('\n').slice(0, -1);
}

function check({ what, files, args, finds }: Case): void {
  it(what, async () => {
    using folder = new Files();
    for (const [name, content] of Object.entries(files)) folder.write(name, content);
    const lines = await findingsIn(folder.folder, args);
    assert.equal(lines.length, finds.length, lines.join('\n'));
    for (const [index, [start, message]] of finds.entries()) {
      const line = lines[index] ?? '';
      assert.ok(line.startsWith(`${start}: `), `${line}\nexpected ${start}`);
      assert.match(line.slice(start.length + 2), message);
    }
  });
}

const APP = 'ImageCredentialBinding app';

describe('validate, for a binding', () => {
  const cases: readonly Case[] = [
    {
      what: 'finds nothing if its Secret has a fitting entry',
      files: { a: '', 'b.yml': several(PULL, binding('app', {})) },
      finds: [],
    },
    {
      what: 'reports an error if no entry fits',
      files: { 'a.yaml': several(PULL, binding('app', { image: 'other.example/app' })) },
      finds: [[`a.yaml:2: ${APP}: error`, /^no credential for other\.example\/app: .*"reg\.example"/]],
    },
    {
      what: 'reports an error if the controller would deliver directly and Trivy would misread the Secret',
      files: {
        'a.yaml': several(
          pullSecret('pull', { '*.example': LOGIN['reg.example'] }),
          binding('app', {}),
          binding('copied', { image: 'reg.example/copied', delivery: 'Shared' }),
        ),
      },
      args: { delivery: 'Direct' },
      finds: [[`a.yaml:2: ${APP}: error`, /cannot be delivered directly: Trivy would find no login in it/]],
    },
    {
      what: 'reports as information that the delivery Temporary needs the webhook',
      files: { 'a.yaml': several(PULL, binding('app', { delivery: 'Temporary' })) },
      finds: [[`a.yaml:2: ${APP}: info`, /needs the admission webhook .* the reason AdmissionOff$/]],
    },
    {
      what: 'knows that a controller whose default delivery is Temporary has the webhook',
      files: { 'a.yaml': several(PULL, binding('app', { delivery: 'Temporary' })) },
      args: { delivery: 'Temporary' },
      finds: [],
    },
    {
      what: 'reports a warning if its Secret is not in the files',
      files: { 'a.yaml': binding('app', {}) },
      finds: [[`a.yaml:1: ${APP}: warning`, /names the Secret "pull", which is not in the files/]],
    },
    {
      what: 'reports a Secret that is not in the files with the severity that the user chose',
      files: { 'a.yaml': binding('app', {}) },
      args: { missingSecrets: 'error' },
      finds: [[`a.yaml:1: ${APP}: error`, /names the Secret "pull"/]],
    },
    {
      what: 'reports an error if a Secret has a similar name',
      files: { 'a.yaml': several(PULL, binding('app', names('plul'))) },
      finds: [[`a.yaml:2: ${APP}: error`, /did you mean "pull"\?$/]],
    },
    {
      what: 'reports an error if the name of a Secret has a suffix of kustomize',
      files: { 'a.yaml': several(pullSecret('pull-5m2h6gk9tc', LOGIN), binding('app', {})) },
      finds: [[`a.yaml:2: ${APP}: error`, /did you mean "pull-5m2h6gk9tc"\? kustomize adds/]],
    },
    {
      what: 'reports a similar name with the severity that the user chose',
      files: { 'a.yaml': several(PULL, binding('app', names('plul'))) },
      args: { missingSecrets: 'info' },
      finds: [[`a.yaml:2: ${APP}: info`, /did you mean "pull"\?$/]],
    },
    {
      what: 'reports a warning if names differ only by a number',
      files: { 'a.yaml': several(pullSecret('pull-1', LOGIN), binding('app', names('pull-2'))) },
      finds: [[`a.yaml:2: ${APP}: warning`, /"pull-2", which is not in the files/]],
    },
    {
      what: 'reports only information if an operator creates the Secret',
      files: {
        'a.yaml': several(external('pull'), binding('app', {})),
        'b.yaml': several(external('x', { target: { name: 'second' } }), binding('other', names('second'))),
        'c.yaml': several(
          { ...external('third'), apiVersion: 'bitnami.com/v1alpha1', kind: 'SealedSecret' },
          binding('third', names('third')),
        ),
      },
      finds: [
        [`a.yaml:2: ${APP}: info`, /comes from the ExternalSecret "pull"$/],
        ['b.yaml:2: ImageCredentialBinding other: info', /"second" .* from the ExternalSecret "x"$/],
        ['c.yaml:2: ImageCredentialBinding third: info', /from the SealedSecret "third"$/],
      ],
    },
    {
      what: 'reports an error if the name of a Secret that an operator creates is similar',
      files: { 'a.yaml': several(external('pull-app'), binding('app', names('pull-apq'))) },
      finds: [[`a.yaml:2: ${APP}: error`, /did you mean "pull-app"\?$/]],
    },
    {
      what: 'reports only information if the Secret is encrypted with SOPS',
      files: {
        'a.yaml': several(
          { ...PULL, data: { '.dockerconfigjson': 'ENC[AES256_GCM,data:x]' }, sops: { mac: 'x' } },
          binding('app', {}),
        ),
      },
      finds: [[`a.yaml:2: ${APP}: info`, /encrypted with SOPS$/]],
    },
    {
      what: 'reports a warning if one Secret has no fitting entry, and another one is not in the files',
      files: {
        'a.yaml': several(
          PULL,
          binding('app', {
            image: 'other.example/app',
            imagePullSecrets: [{ name: 'pull' }, { name: 'elsewhere' }],
          }),
        ),
      },
      finds: [
        [`a.yaml:2: ${APP}: warning`, /"elsewhere", which is not in the files/],
        [`a.yaml:2: ${APP}: warning`, /^no credential for other\.example/],
      ],
    },
    {
      what: 'reports a Secret that the API server would refuse once',
      files: { 'a.yaml': several({ ...PULL, data: { a: '{}' } }, binding('app', {})) },
      finds: [
        ['a.yaml:1: Secret pull: error', /^the API server would refuse the Secret "pull": expected base64/],
      ],
    },
    {
      what: 'reports bindings that migrate scans in a cycle',
      files: {
        'a.yaml': several(
          PULL,
          binding('app', { replaces: ['reg.example/old'] }),
          binding('old', { image: 'reg.example/old', replaces: ['reg.example/app'] }),
        ),
      },
      finds: [
        [`a.yaml:2: ${APP}: error`, /form a cycle/],
        ['a.yaml:3: ImageCredentialBinding old: error', /form a cycle/],
      ],
    },
    {
      what: 'reports a credential that has expired',
      files: {
        'a.yaml': several(
          pullSecret('pull', { 'reg.example': { username: 'u', password: jwt(1_000_000_000) } }),
          binding('app', {}),
        ),
      },
      finds: [
        ['a.yaml:1: Secret pull: warning', /expired at .*; renew the Secret/],
        [`a.yaml:2: ${APP}: error`, /expired/],
      ],
    },
    {
      what: 'reports a login that is probably a mistake at its Secret, once',
      files: {
        'a.yaml': several(
          pullSecret('pull', { 'reg.example': { username: 'u', password: 'x\n' } }),
          binding('app', {}),
          binding('b', { image: 'reg.example/b' }),
        ),
      },
      finds: [['a.yaml:1: Secret pull: warning', /line break/]],
    },
    {
      what: 'reports an object that a later one replaces',
      files: {
        'a.yaml': several(PULL, binding('app', { image: 'other.example/app' })),
        'b.yaml': binding('app', {}),
      },
      finds: [[`a.yaml:2: ${APP}: warning`, /in .*b\.yaml replaces it$/]],
    },
    {
      what: 'reports an apiVersion that the API server does not have',
      files: {
        'a.yaml': several({ ...PULL, apiVersion: 'v2' }, { ...PULL, apiVersion: 'other.example/v2' }),
      },
      finds: [['a.yaml:1: Secret pull: error', /expected apiVersion v1, found "v2"/]],
    },
  ];
  for (const each of cases) check(each);

  for (const { what, text, accepted, says } of [...BINDINGS, ...SECRETS, ...SCANS]) {
    it(`${accepted ? 'accepts' : 'refuses'} an object with ${what}`, async () => {
      using files = new Files();
      files.write('a.yaml', text.replaceAll('NAME', 'x'));
      const errors = (await findingsIn(files.folder)).filter((line) =>
        /^a\.yaml:1: [^:]+: error: /.test(line),
      );
      assert.equal(errors.length, accepted ? 0 : 1, errors.join('\n'));
      if (!accepted)
        assert.match(errors.join('\n'), new RegExp((says?.source ?? '').replaceAll('NAME', 'x')));
    });
  }
});

describe('validate, for a ScheduledScan', () => {
  const scan = (parameters: readonly string[], more?: object) => scheduledScan('scan', parameters, more);
  const cases: readonly Case[] = [
    {
      what: 'reports as information that no binding matches its image',
      files: { 'a.yaml': scan(['other.example/x']) },
      finds: [
        [
          'a.yaml:1: ScheduledScan scan: info',
          /no binding in the files matches its image other\.example\/x$/,
        ],
      ],
    },
    {
      what: 'reports a warning if no image can be read, and it mentions that of a binding',
      files: { 'a.yaml': several(PULL, binding('app', {}), scan(['image reg.example/app'])) },
      finds: [['a.yaml:3: ScheduledScan scan: warning', /^it has no readable image/]],
    },
    {
      what: 'suggests the image of a scan that no binding matches',
      files: { 'a.yaml': several(PULL, binding('app', {}), scan(['reg.example/apq'])) },
      finds: [
        [
          `a.yaml:2: ${APP}: info`,
          /did you mean reg\.example\/apq, the image of the ScheduledScan "scan"\?$/,
        ],
        ['a.yaml:3: ScheduledScan scan: info', /no binding in the files matches its image/],
      ],
    },
    {
      what: 'reports as information that no image can be read',
      files: { 'a.yaml': scan(['image reg.example/app']) },
      finds: [['a.yaml:1: ScheduledScan scan: info', /^it has no readable image/]],
    },
    {
      what: 'ignores other scan types, unless a binding is about their image',
      files: {
        'a.yaml': several(PULL, binding('app', {})),
        'b.json': JSON.stringify(scan(['reg.example/app'])).replace('trivy-image', 'custom'),
        'c.json': JSON.stringify(scheduledScan('other', ['https://www.example.org'])).replace(
          'trivy-image',
          'zap',
        ),
      },
      finds: [['b.json:1: ScheduledScan scan: info', /scan type "custom"/]],
    },
    {
      what: 'reports labels that do not match the selector of a binding',
      files: {
        'a.yaml': several(
          PULL,
          binding('app', { scanSelector: { matchLabels: { a: 'b' } } }),
          scan(['reg.example/app']),
        ),
      },
      finds: [['a.yaml:3: ScheduledScan scan: info', /labels do not match spec\.scanSelector/]],
    },
  ];
  for (const each of cases) check(each);
});

describe('validate, for several namespaces', () => {
  const cases: readonly Case[] = [
    {
      what: 'uses only Secrets of the namespace of a binding',
      files: {
        'a.yaml': several(pullSecret('pull', LOGIN, in_('a')), binding('app', {}, in_('a'))),
        'b.yaml': several(binding('app', {}, in_('b'))),
      },
      finds: [['b.yaml:1: ImageCredentialBinding b/app: warning', /there is one in the namespace "a", but/]],
    },
    {
      what: 'puts objects without a namespace into the only one that is named',
      files: { 'a.yaml': several(PULL, binding('app', {}, in_('a'))) },
      finds: [],
    },
    {
      what: 'does not mix objects without a namespace with those of several namespaces',
      files: { 'a.yaml': several(PULL, binding('app', {}, in_('a')), binding('app', {}, in_('b'))) },
      finds: [
        ['a.yaml:2: ImageCredentialBinding a/app: warning', /there is one in a file without a namespace/],
        ['a.yaml:3: ImageCredentialBinding b/app: warning', /there is one in a file without a namespace/],
      ],
    },
    {
      what: 'puts objects without a namespace into the one that the user chose',
      files: { 'a.yaml': several(PULL, binding('app', {}, in_('a')), binding('app', {}, in_('b'))) },
      args: { namespace: 'a' },
      finds: [['a.yaml:3: ImageCredentialBinding b/app: warning', /there is one in the namespace "a"/]],
    },
  ];
  for (const each of cases) check(each);

  it('builds one Previewer for each namespace, however many bindings it has', async () => {
    using files = new Files();
    for (const namespace of ['a', 'b', 'c'])
      for (let index = 0; index < 20; index += 1)
        files.write(
          `${namespace}-${index}.json`,
          binding(`app-${index}`, { image: `reg.example/${index}` }, in_(namespace)),
        );
    const { manifests } = await readManifests([files.folder], false);
    const built = namespacesOf(manifests, SETTINGS).map((namespace) => {
      const rawScans = new CountingMap();
      notesOf({ ...namespace, inventory: { ...namespace.inventory, rawScans } });
      return rawScans.read;
    });
    assert.deepEqual(built, [1, 1, 1]);
  });

  it('takes time in proportion to the number of namespaces', async () => {
    using files = new Files();
    const names = Array.from({ length: 10_000 }, (_, index) => `n${index}`);
    const objects = names.map((name) => binding('app', {}, in_(name)));
    files.write('a.json', several(...objects));
    const { manifests } = await readManifests([files.folder], false);
    const namespaces = namespacesOf(manifests, SETTINGS);
    const begun = performance.now();
    for (const { elsewhere } of namespaces) assert.deepEqual(elsewhere('pull'), []);
    // A search through all namespaces for each of them takes ten times as long.
    assert.ok(performance.now() - begun < 1_000);
  });

  it('names a few of the namespaces that have a missing Secret', async () => {
    using files = new Files();
    const secrets = Array.from({ length: 7 }, (_, index) => pullSecret('pull', LOGIN, in_(`n${index}`)));
    files.write('a.json', several(...secrets, binding('app', {}, in_('shop'))));
    const [found] = await findingsIn(files.folder);
    assert.match(found ?? '', /there is one in the namespace "n0", .*"n4", 2 more, but a binding uses/);
  });
});

describe('validate, for files and folders', () => {
  const bad = binding('app', { mode: 'observe' });
  const cases: readonly Case[] = [
    {
      what: 'reads YAML and JSON files of a folder only',
      files: { 'a.txt': bad, 'b.yaml': PULL, 'c/d.yaml': bad },
      finds: [],
    },
    {
      what: 'reads the folders of a folder on request, but none that is hidden, and no templates of a Helm chart',
      files: {
        'a.yaml': PULL,
        'b/c.yml': bad,
        '.git/d.yaml': bad,
        'chart/Chart.yaml': 'apiVersion: v2\nname: x\n',
        'chart/templates/e.yaml': bad,
        'chart/values.yaml': 'a: 1',
      },
      args: { recursive: true },
      finds: [
        ['chart/templates: info', /templates of a Helm chart/],
        [`b/c.yml:1: ${APP}: error`, /mode/],
        ['chart/Chart.yaml:1: info', /not a Kubernetes object/],
        ['chart/values.yaml:1: info', /not a Kubernetes object/],
      ],
    },
    {
      what: 'skips what is not a Kubernetes object, and reports what is meant as one',
      files: {
        'a.yaml': 'resources: []',
        'b.yaml': 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n',
        'c.yaml': 'a: {{ .Values.x }}\n{{- if }}',
        'd.yaml': 'apiVersion: v1\nmetadata: { name: x }\ndata: {}\n',
        'e.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {}\n',
        'f.yaml': 'a: b: c',
        'g.yaml': '- 1',
      },
      finds: [
        ['a.yaml:1: info', /not a Kubernetes object/],
        ['c.yaml: info', /template/],
        ['d.yaml:1: error', /expected a Kubernetes object with apiVersion and kind/],
        ['e.yaml:1: Secret: error', /expected metadata with a name/],
        ['f.yaml: error', /^line 1, column 5: expected YAML or JSON/],
        ['g.yaml:1: info', /not a Kubernetes object/],
      ],
    },
    {
      what: 'names the item of a list',
      files: {
        'a.yaml': { apiVersion: 'v1', kind: 'List', items: [PULL, { apiVersion: 'v1', kind: 'Secret' }] },
      },
      finds: [['a.yaml:1: Secret: error', /^item 2: expected metadata/]],
    },
  ];
  for (const each of cases) check(each);

  it('reports a file that is not a Kubernetes object as an error if the user has named it', () => {
    using files = new Files();
    const { status, stdout } = runValidate(files.write('values.yaml', 'a: 1'));
    assert.equal(status, 1);
    assert.match(stdout, /values\.yaml:1: error: expected a Kubernetes object/);
  });

  it('follows links to files, and none to folders', async () => {
    using files = new Files();
    files.write('real/a.yaml', bad);
    mkdirSync(join(files.folder, 'sub'));
    symlinkSync('../real/a.yaml', join(files.folder, 'sub/link.yaml'));
    symlinkSync('..', join(files.folder, 'sub/loop'));
    const lines = await findingsIn(join(files.folder, 'sub'), { recursive: true });
    assert.equal(lines.length, 2);
    assert.match(lines[0] ?? '', /loop: info: a symbolic link to a folder is not followed/);
    assert.match(lines[1] ?? '', /link\.yaml:1: .*mode/);
  });

  it('reads standard input, prints a summary, and exits with 0 if there are only warnings', () => {
    const { status, stdout, stderr } = runValidate(['-f', '-'], JSON.stringify(binding('app', {})));
    assert.equal(status, 0);
    assert.match(stdout, /^standard input:1: ImageCredentialBinding app: warning: [^\n]+\n$/);
    assert.equal(
      stderr,
      'validated 1 ImageCredentialBinding, 0 Secrets, 0 ScheduledScans in 1 namespace: 0 errors, 1 warning, 0 info\n',
    );
  });

  for (const command of ['validate', 'explain nginx'])
    it(`${command} reads no more than 64 MiB and 10,000 files`, {
      skip: process.platform === 'win32',
    }, () => {
      using files = new Files();
      const args = command.split(' ');
      const zeros = runCommand([...args, '-f', '/dev/zero']);
      assert.equal(zeros.status, 2);
      assert.match(
        zeros.stderr,
        /^error: expected files of at most 64 MiB together, found more in "\/dev\/zero"; name fewer/,
      );
      for (let index = 0; index < 10_001; index += 1) files.write(`${index}.yaml`, '');
      const many = runCommand([...args, '-f', files.folder]);
      assert.equal(many.status, 2);
      assert.match(many.stderr, /^error: expected at most 10000 files, found more; name fewer/);
    });
});

describe('validate, as output', () => {
  it('prints JSON with all fields', () => {
    using files = new Files();
    const [, file = ''] = files.write(
      'a.yaml',
      `# comment\n---\n${JSON.stringify(binding('app', {}, in_('shop')))}`,
    );
    const { status, stdout } = runValidate(['-f', file, '-o', 'json', '--missing-secrets', 'error']);
    assert.equal(status, 1);
    const [{ message, ...rest }] = JSON.parse(stdout) as [{ readonly message: string }];
    assert.match(message, /names the Secret "pull"/);
    const object = { kind: 'ImageCredentialBinding', namespace: 'shop', name: 'app' };
    assert.deepEqual(rest, { file, document: 1, line: 3, ...object, severity: 'error' });
  });

  it('prints annotations for GitHub that a name cannot break', () => {
    using files = new Files();
    const odd = { ...binding('a%0A::error::b\n::stop', {}), spec: {} };
    files.write('a,b:c.yaml', several(binding('app', {}), odd));
    const { stdout } = runValidate(['-f', files.folder, '-o', 'github']);
    const [first = '', second = '', ...others] = stdout.split('\n');
    assert.match(
      first,
      /^::warning file=.*\/a%2Cb%3Ac\.yaml,line=1,title=ImageCredentialBinding app::the binding/,
    );
    assert.match(
      second,
      /^::error file=[^:]*,line=3,title=ImageCredentialBinding a%250A%3A%3Aerror%3A%3Ab\\u000a%3A%3Astop::the API/,
    );
    assert.deepEqual(others, ['']);
  });

  it('counts what was validated', () => {
    const validation = validate({ manifests: [], problems: [], files: [] }, SETTINGS);
    assert.match(summaryOf(validation), /^validated 0 ImageCredentialBindings, .* in 0 namespaces: 0 errors/);
  });

  it('shows no password of a URL that is written where an image or a host is expected', () => {
    using files = new Files();
    const url = 'https://user:Canary-7Hq2@reg.example';
    const annotations = { 'credentials.securecodebox.io/registries': url };
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'pull', annotations },
      type: 'kubernetes.io/basic-auth',
    };
    const bindings = [binding('a', { image: `${url}/app` }), binding('b', {})];
    files.write('a.json', several({ ...secret, stringData: { username: 'u', password: 'p' } }, ...bindings));
    for (const output of ['text', 'json', 'github']) {
      const { stdout } = runValidate(['-f', files.folder, '-o', output]);
      assert.doesNotMatch(stdout, CANARY);
      assert.ok(stdout.split('//user:***@reg.example').length >= 3, stdout);
    }
  });
});

/** Counts how often all its entries are read, which a Previewer does once. */
class CountingMap extends Map<string, never> {
  read = 0;

  override [Symbol.iterator]() {
    this.read += 1;
    return super[Symbol.iterator]();
  }
}
