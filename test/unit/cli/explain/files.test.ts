import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromRule, schemasIn } from '../../../../hack/codegen/schema.ts';
import { BINDING_RULES } from '../../../../src/cli/inventory/files/binding-rules.ts';
import { readFiles } from '../../../../src/cli/inventory/files/files.ts';
import { binding, Files, pullSecret, runExplain, scheduledScan } from '../../../support/explain.ts';
import { BINDINGS, type ManifestCase, SCANS, SECRETS } from '../../../support/manifests.ts';
import { schema } from '../../api/crd.ts';

const ITSELF = 'an alias in the value that it repeats';
const TOO_MANY = 'aliases that repeat too many values';

/** The inventory of a file with an object of the name `x` as its second document. */
async function read({ text }: ManifestCase) {
  using files = new Files();
  const [, file = ''] = files.write('o.yaml', `---\n---\n${text.replaceAll('NAME', 'x')}`);
  return await readFiles([file], undefined);
}

/** With a byte order mark, as programs on Windows write. */
const ENCODINGS: Readonly<Record<string, (text: string) => Buffer>> = {
  'UTF-8': (text) => Buffer.from(text),
  'UTF-16LE': (text) => Buffer.from(text, 'utf16le'),
  'UTF-16BE': (text) => Buffer.from(text, 'utf16le').swap16(),
};

describe('explain, for objects in files', () => {
  for (const each of BINDINGS) {
    it(`${each.accepted ? 'accepts' : 'refuses'} a binding with ${each.what}`, async () => {
      const { bindings, refused } = await read(each);
      assert.equal(bindings.length, each.accepted ? 1 : 0, refused.join('\n'));
      if (each.accepted) return assert.deepEqual(refused, []);
      assert.equal(refused.length, 1);
      const says = new RegExp((each.says?.source ?? '').replaceAll('NAME', 'x'));
      assert.match(refused[0] ?? '', says);
      assert.match(refused[0] ?? '', /o\.yaml, document 2: the API server would refuse (?:the|an) Image/);
    });
  }

  for (const each of SECRETS) {
    it(`${each.accepted ? 'accepts' : 'refuses'} a Secret with ${each.what}`, async () => {
      const { states, remarks } = await read(each);
      assert.equal(states.has('x'), each.accepted, remarks.join('\n'));
      if (each.accepted) return assert.deepEqual(remarks, []);
      assert.match(remarks.join('\n'), each.says ?? /^$/);
      assert.match(remarks.join('\n'), /o\.yaml, document 2: the API server would refuse the Secret "x"/);
    });
  }

  for (const each of SCANS) {
    it(`${each.accepted ? 'accepts' : 'refuses'} a ScheduledScan with ${each.what}`, async () => {
      const { scheduledScans, remarks } = await read(each);
      assert.equal(scheduledScans.length, each.accepted ? 1 : 0, remarks.join('\n'));
      if (each.accepted) return assert.deepEqual(remarks, []);
      assert.match(remarks.join('\n'), each.says ?? /^$/);
      assert.match(remarks.join('\n'), /o\.yaml, document 2: .*the ScheduledScan "x"/);
    });
  }

  it('enforces every CEL rule of the CRD that its JSON schema does not', () => {
    const rules = schemasIn(schema).flatMap((each) => each['x-kubernetes-validations'] ?? []);
    const messages = rules.filter((rule) => fromRule(rule) === undefined).map(({ message }) => message);
    // The parser of images enforces the rule about lengths.
    const enforced = messages.filter((message) => !/at most 259 characters/.test(message));
    assert.deepEqual(enforced.toSorted(), BINDING_RULES.map(({ message }) => message).toSorted());
  });

  for (const [encoding, encode] of Object.entries(ENCODINGS))
    it(`reads a file in ${encoding}`, async () => {
      using files = new Files();
      const secret = pullSecret('pull', { 'reg.example': { auth: btoa('user:pass') } });
      const text = JSON.stringify(secret, null, 2).replaceAll('\n', '\r\n');
      const [, file = ''] = files.write('s.yaml', encode(`\ufeff# für Trivy\r\n---\r\n${text}\r\n`));
      const { secrets, remarks } = await readFiles([file], undefined);
      assert.deepEqual([secrets.map(({ name }) => name), remarks], [['pull'], []]);
    });

  it('exits with 1 because of a binding that the API server would refuse, and explains the image', () => {
    using files = new Files();
    const args = [
      ...files.write('s.json', pullSecret('pull', { 'reg.example': { auth: btoa('user:pass') } })),
      ...files.write('b.json', binding('app', { mode: 'observe' })),
    ];
    const { status, stdout, stderr } = runExplain(['reg.example/app', ...args]);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^error: .*b\.json: the API server would refuse the ImageCredentialBinding "app": spec\.mode/m,
    );
    assert.match(stdout, /binding {5}none matches this image/);
    assert.match(stdout, /Secret pull/);
  });

  it('ignores a binding of another namespace that the API server would refuse', () => {
    using files = new Files();
    const args = [
      ...files.write('s.json', pullSecret('pull', { 'reg.example': { auth: btoa('user:pass') } })),
      ...files.write('b.json', binding('app', { mode: 'observe' }, { namespace: 'other' })),
    ];
    assert.equal(runExplain(['reg.example/app', '-n', 'shop', ...args]).status, 0);
  });

  it('names the apiVersion of an object that it skips because of it', () => {
    using files = new Files();
    const list = {
      apiVersion: 'v1',
      kind: 'List',
      items: [
        { ...pullSecret('s', {}), apiVersion: 'v2' },
        { ...scheduledScan('scan', ['reg.example/app']), apiVersion: 'execution.securecodebox.io/v1alpha1' },
        { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' } },
      ],
    };
    const { stderr } = runExplain(['reg.example/app', ...files.write('l.json', list)]);
    assert.match(
      stderr,
      /skipped objects of other kinds: "Secret" of "v2" \(expected "v1"\), "ScheduledScan" of ".*v1alpha1" \(expected "execution\.securecodebox\.io\/v1"\), "Deployment"/,
    );
  });

  it('reads JSON documents that follow each other without a separator', async () => {
    using files = new Files();
    const secrets = ['a', 'b', 'c'].map((name) =>
      pullSecret(name, { 'reg.example': { auth: btoa('user:pass') } }),
    );
    for (const indent of [undefined, 2]) {
      const text = secrets.map((secret) => JSON.stringify(secret, null, indent)).join('\r\n\n');
      const [, file = ''] = files.write('s.json', text);
      assert.deepEqual([...(await readFiles([file], undefined)).states.keys()], ['a', 'b', 'c']);
    }
  });

  it('skips objects of other kinds that have no name, and a list without items', () => {
    using files = new Files();
    const items = [
      { apiVersion: 'batch/v1', kind: 'Job', metadata: { generateName: 'scan-' } },
      { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources: [] },
      { apiVersion: 'v1', kind: 'List', items: null },
      pullSecret('pull', { 'reg.example': { auth: btoa('user:pass') } }),
    ];
    const text = items.map((item) => JSON.stringify(item)).join('\n---\n');
    const { status, stderr } = runExplain(['reg.example/app', ...files.write('l.yaml', text)]);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^skipped objects of other kinds: "Job", "Kustomization"$/m);
  });

  it('reads the files of a folder, and on request those of the folders in it', () => {
    using files = new Files();
    files.write('b/s.json', pullSecret('pull', { 'reg.example': { auth: btoa('user:pass') } }));
    files.write('a.yml', binding('app', {}));
    files.write('kustomization.yaml', 'kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\n');
    const flat = runExplain(['reg.example/app', '-f', files.folder]);
    assert.equal(flat.status, 1);
    assert.match(flat.stderr, /skipped objects of other kinds: "Kustomization"/);
    assert.match(flat.stderr, /names the Secret "pull": .* found none/);
    const deep = runExplain(['reg.example/app', '-R', '-f', files.folder]);
    assert.equal(deep.status, 0);
    assert.match(deep.stdout, /Secret pull {2}entry reg\.example/);
  });

  describe('with aliases', () => {
    const doubled = (first: string, next: (level: number) => string) =>
      [first, ...Array.from({ length: 30 }, (_, level) => next(level + 1))].join('\n');
    const lists = doubled(
      '- &l0 { apiVersion: v1, kind: ConfigMap, metadata: { name: x } }',
      (level) => `- &l${level} { apiVersion: v1, kind: List, items: [*l${level - 1}, *l${level - 1}] }`,
    );
    const fields = doubled(
      '  l0: &l0 [a]',
      (level) => `  l${level}: &l${level} [*l${level - 1}, *l${level - 1}]`,
    );
    // Fields whose names are numbers are visited in their order, the deepest value first.
    const deep = Array.from({ length: 20_000 }, (_, level) =>
      level === 0 ? '  20000: &l0 [a]' : `  ${20_000 - level}: &l${level} [*l${level - 1}]`,
    ).join('\n');
    const head = (kind: string, field: string) =>
      `apiVersion: credentials.securecodebox.io/v1alpha1\nkind: ${kind}\nmetadata: { name: x }\n${field}\n`;
    const list = 'apiVersion: v1\nkind: List\n';
    for (const [title, text, found] of [
      [
        'a list that contains itself',
        `${list}items: &l\n- { apiVersion: v1, kind: List, items: *l }\n`,
        ITSELF,
      ],
      ['lists that double', `${list}items:\n${lists}\n`, TOO_MANY],
      ['a binding that contains itself', head('ImageCredentialBinding', 'spec: &l\n  image: *l'), ITSELF],
      ['a binding with fields that double', head('ImageCredentialBinding', `spec:\n${fields}`), TOO_MANY],
      ['another object with fields that double', head('Other', `spec:\n${fields}`), TOO_MANY],
      [
        'fields that nest',
        head('ImageCredentialBinding', `spec:\n${deep}`),
        'aliases that nest values too deeply',
      ],
    ] as const) {
      it(`refuses ${title}`, () => {
        using files = new Files();
        const { status, stderr } = runExplain(['reg.example/app', ...files.write('a.yaml', text)]);
        assert.match(
          stderr,
          new RegExp(`^error: .*a\\.yaml: expected YAML or JSON, found ${found}; correct it\n$`),
        );
        assert.equal(status, 2);
      });
    }

    it('reads those that repeat a value', () => {
      using files = new Files();
      const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\na: &a [1, 2]\nb: [*a, *a, *a]\n`;
      const { status, stderr } = runExplain(['reg.example/app', ...files.write('a.yaml', text)]);
      assert.match(stderr, /skipped objects of other kinds: "ConfigMap"/);
      assert.equal(status, 1);
    });
  });
});
