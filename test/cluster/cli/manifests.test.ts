import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { tools } from '../../../hack/testenv/tools/index.ts';
import { imageCredentialBindings } from '../../../src/api/index.ts';
import { documentsIn } from '../../../src/cli/inventory/files/yaml.ts';
import type { Finding } from '../../../src/cli/validate/finding.ts';
import { Cluster } from '../../support/cluster/cluster.ts';
import { binding, pullSecret, runValidate } from '../../support/explain.ts';
import { BINDINGS, SCANS, SECRETS } from '../../support/manifests.ts';
import { seed } from '../../support/seed.ts';
import { until } from '../../support/until.ts';

/** Random scalars that resemble numbers and words of YAML, without signs that have a meaning of their own. */
const randomScalars = fc.sample(
  fc
    .string({ unit: fc.constantFrom(...'0123789abefxoXOyYnNtTrRuU_.+-eE:'), minLength: 1, maxLength: 6 })
    .filter((text) => /[0-9a-zA-Z]/.test(text) && !/^[:-]|:$/.test(text)),
  { numRuns: 3_000, seed },
);

/** Scalars whose type depends on the version of YAML. */
const SCALARS = [
  ...['yes', 'Yes', 'YES', 'no', 'y', 'Y', 'n', 'N', 'on', 'Off', 'true', 'TRUE', 'False', 'yEs'],
  ...[
    '~',
    'null',
    'Null',
    'NULL',
    '010',
    '0o10',
    '0x1F',
    '0b11',
    '1_000',
    '1:30',
    '+1',
    '-1',
    '1.',
    '.5',
    '1e3',
    '08',
  ],
  ...['2026-01-01', '2026-01-01T00:00:00Z', '1.2.3', '"yes"', '1__0', '_1', '0x', '1e', '<<', '='],
];

type Binding = { metadata: { name: string }; status?: { conditions?: readonly Condition[] } };
type Condition = { readonly type: string; readonly status: string; readonly reason: string };

function isUnusable({ status }: Binding): boolean {
  return (status?.conditions ?? []).some(
    ({ type, status, reason }) =>
      (type === 'CredentialResolved' && status === 'False') ||
      (type === 'Stalled' && reason.startsWith('Replaces')),
  );
}

describe('objects in files, compared with the API server', () => {
  let cluster: Cluster;
  let folder: string;
  const kubectl = async (...args: readonly string[]) => {
    const { kubectl: program } = await tools(['kubectl'], () => undefined);
    return cluster.controlPlane.group.run(program, [...args], {
      env: { KUBECONFIG: cluster.controlPlane.kubeconfig },
    });
  };

  before(async () => {
    cluster = await Cluster.start({ auditLog: false });
    folder = await mkdtemp(join(tmpdir(), 'manifests-'));
  });
  after(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it('a strict kubectl apply accepts the same bindings, Secrets and ScheduledScans as explain', async () => {
    const cases = [...BINDINGS, ...SECRETS, ...SCANS];
    for (const [index, { text }] of cases.entries())
      await writeFile(join(folder, `${index}.yaml`), text.replaceAll('NAME', `case-${index}`));
    const { stdout } = await kubectl('apply', '--dry-run=server', '--validate=strict', '-f', folder);
    const created = new Set(
      Array.from(stdout.matchAll(/\/case-(\d+) created/g), ([, index]) => Number(index)),
    );
    const differing = cases.filter(({ accepted }, index) => accepted !== created.has(index));
    assert.deepEqual(
      differing.map(({ what }) => what),
      [],
    );
  });

  it('validate finds the errors that a strict kubectl apply finds in a folder', async () => {
    const cases = [...BINDINGS, ...SECRETS, ...SCANS];
    const files = await mkdtemp(join(folder, 'validate-'));
    for (const [index, { text }] of cases.entries())
      await writeFile(join(files, `${index}.yaml`), text.replaceAll('NAME', `case-${index}`));
    const { stdout, stderr } = await kubectl('apply', '--dry-run=server', '--validate=strict', '-f', files);
    assert.match(stderr, /error/i);
    const created = new Set(
      Array.from(stdout.matchAll(/\/case-(\d+) created/g), ([, index]) => Number(index)),
    );
    const validated = runValidate(['-f', files, '-o', 'json']);
    assert.equal(validated.status, 1);
    const findings = JSON.parse(validated.stdout) as readonly Finding[];
    const refused = new Set(
      findings
        .filter(
          ({ severity, message }) =>
            severity === 'error' && /API server would refuse|expected spec\.scanSpec/.test(message),
        )
        .map(({ file }) => Number(basename(file, '.yaml'))),
    );
    const differing = cases.filter((_, index) => created.has(index) === refused.has(index));
    assert.deepEqual(
      differing.map(({ what }) => what),
      [],
    );
  });

  it('validate reports the conditions that the controller reports', async () => {
    const namespace = await cluster.namespace();
    const objects = [
      pullSecret('pull', { 'reg.example': { username: 'user', password: 'made-up' } }),
      binding('fits', {}),
      binding('no-entry', { image: 'other.example/app' }),
      binding('typo', { image: 'reg.example/typo', imagePullSecrets: [{ name: 'plul' }] }),
      binding('elsewhere', { image: 'reg.example/elsewhere', imagePullSecrets: [{ name: 'elsewhere' }] }),
      binding('cycle', { image: 'reg.example/new', replaces: ['reg.example/old'] }),
      binding('cycle-too', { image: 'reg.example/old', replaces: ['reg.example/new'] }),
    ];
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
    const file = join(folder, 'controller.json');
    await writeFile(file, list);
    await kubectl('apply', '-n', namespace.name, '-f', file);
    await cluster.startController('--allowed-registries', 'none.example');
    const { stdout } = runValidate(['-f', file, '-o', 'json', '--missing-secrets', 'error']);
    const findings = JSON.parse(stdout) as readonly Finding[];
    const invalid = findings.filter(({ severity }) => severity === 'error').map(({ name }) => name);
    assert.deepEqual(invalid, ['no-entry', 'typo', 'elsewhere', 'cycle', 'cycle-too']);
    const unresolved = async () => {
      const { items } = await cluster.client.list(imageCredentialBindings, { namespace: namespace.name });
      return (items as unknown as readonly Binding[]).filter(isUnusable).map(({ metadata }) => metadata.name);
    };
    const agree = async () => (await unresolved()).toSorted().join() === invalid.toSorted().join();
    await until(agree, 'validate and the controller to agree', 60).catch(async () =>
      assert.deepEqual(await unresolved(), invalid),
    );
  });

  it('a scalar has the same type for kubectl and for explain', async () => {
    const scalars = [...SCALARS, ...randomScalars];
    const items = scalars.map((scalar) => `    - ${scalar}\n`).join('');
    const text = `apiVersion: credentials.securecodebox.io/v1alpha1\nkind: ImageCredentialBinding\nmetadata: { name: a }\nspec:\n  items:\n${items}`;
    const file = join(folder, 'scalars.yml');
    await writeFile(file, text);
    const { stdout } = await kubectl(
      'create',
      '--dry-run=client',
      '--validate=false',
      '-o',
      'json',
      '-f',
      file,
    );
    const read = documentsIn(text)[0]?.value as { readonly spec: { readonly items: readonly unknown[] } };
    const { spec } = JSON.parse(stdout) as { readonly spec: { readonly items: readonly unknown[] } };
    const differing = scalars.flatMap((scalar, index) => {
      const [ours, theirs] = [read?.spec.items[index], spec.items[index]];
      return Object.is(ours, theirs) ? [] : [{ scalar, ours, theirs }];
    });
    assert.deepEqual(differing, [], `seed ${seed}`);
  });
});
