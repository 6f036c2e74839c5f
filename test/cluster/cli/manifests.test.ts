import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { tools } from '../../../hack/testenv/tools/index.ts';
import { documentsIn } from '../../../src/cli/inventory/files/yaml.ts';
import { Cluster } from '../../support/cluster/cluster.ts';
import { BINDINGS, SCANS, SECRETS } from '../../support/manifests.ts';

const SEED = Number(process.env['ICB_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** Random scalars that resemble numbers and words of YAML, without signs that have a meaning of their own. */
const randomScalars = fc.sample(
  fc
    .string({ unit: fc.constantFrom(...'0123789abefxoXOyYnNtTrRuU_.+-eE:'), minLength: 1, maxLength: 6 })
    .filter((text) => /[0-9a-zA-Z]/.test(text) && !/^[:-]|:$/.test(text)),
  { numRuns: 3_000, seed: SEED },
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
    assert.deepEqual(differing, [], `seed ${SEED}`);
  });
});
