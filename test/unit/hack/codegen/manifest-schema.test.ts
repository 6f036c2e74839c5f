import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { formats } from '@kubernetes-models/validate';
import { Ajv } from 'ajv';
import { load, loadAll } from 'js-yaml';
import { manifestSchema } from '../../../../hack/codegen/schema.ts';
import { CHART, ROOT } from '../../../../hack/root.ts';
import { exampleOf } from '../../../support/docs/example.ts';
import { readPage } from '../../../support/docs/markdown.ts';
import { BINDINGS } from '../../../support/manifests.ts';
import { schema as crdSchema } from '../../api/crd.ts';

const KIND = 'ImageCredentialBinding';
const API_VERSION = 'credentials.securecodebox.io/v1alpha1';
const schema = manifestSchema(crdSchema, { apiVersion: API_VERSION, kind: KIND });
const validate = new Ajv({ strictTypes: false, unicodeRegExp: false, formats }).compile(schema);

/** A binding with every field of spec, and with metadata. */
const COMPLETE = {
  apiVersion: API_VERSION,
  kind: KIND,
  metadata: { name: 'app', namespace: 'shop', labels: { team: 'shop' }, annotations: { note: 'a' } },
  spec: {
    image: 'reg.example/app',
    imagePullSecrets: [{ name: 'pull' }],
    replaces: ['old.example/app'],
    verification: 'Required',
    delivery: 'Shared',
    mode: 'Enforce',
    scanSelector: {
      matchLabels: { team: 'shop' },
      matchExpressions: [{ key: 'team', operator: 'In', values: ['shop'] }],
    },
  },
};
/** Fields whose keys the user chooses. */
const MAPS = new Set(['labels', 'annotations', 'matchLabels']);

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Copies of a value, each with one misspelt field, by the path of the field. */
function misspelt(value: unknown, path = ''): readonly (readonly [string, unknown])[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, index) =>
      misspelt(item, `${path}[${index}]`).map(([where, copy]) => [where, value.with(index, copy)] as const),
    );
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([field, inner]) => {
    const { [field]: _, ...others } = value;
    const here = `${path}.${field}`;
    const within = MAPS.has(field) ? [] : misspelt(inner, here);
    return [
      // The field is kept, so that no required field is missing.
      [here, { ...value, [`${field}s`]: inner }] as const,
      [`${here} in another letter case`, { ...others, [field.toUpperCase()]: inner }] as const,
      ...within.map(([where, copy]) => [where, { ...value, [field]: copy }] as const),
    ];
  });
}

describe('the JSON schema for manifests', () => {
  const examples = globSync('**/*.md', { cwd: ROOT, exclude: ['**/node_modules', 'dist'] })
    .flatMap((path) => readPage(path).blocks)
    .filter(({ words }) => words[0] === 'yaml')
    .flatMap((block) => {
      const example = exampleOf(block);
      return example.kind === 'Objects' ? loadAll(example.yaml) : [];
    });
  const { annotations } = load(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as {
    readonly annotations: Readonly<Record<string, string>>;
  };
  const files = globSync('docs/examples/**/*.yaml', { cwd: ROOT }).flatMap((path) =>
    loadAll(readFileSync(join(ROOT, path), 'utf8')),
  );
  const bindings = [...examples, ...files, load(annotations['artifacthub.io/crdsExamples'] ?? '')]
    .flat()
    .filter((object) => isObject(object) && object['kind'] === KIND);

  it('accepts every example in the documentation and in the chart', () => {
    assert.ok(bindings.length >= 5, `${bindings.length}`);
    for (const binding of bindings) {
      assert.ok(validate(binding), `${JSON.stringify(binding)}: ${JSON.stringify(validate.errors)}`);
    }
  });

  it('accepts a binding with every field of spec', () => {
    const fields = Object.keys(crdSchema.properties?.['spec']?.properties ?? {});
    assert.deepEqual(Object.keys(COMPLETE.spec).toSorted(), fields.toSorted());
    assert.ok(validate(COMPLETE), JSON.stringify(validate.errors));
  });

  for (const [path, object] of misspelt(COMPLETE))
    it(`refuses a misspelt field: ${path.slice(1)}`, () => assert.equal(validate(object), false));

  // The API server ignores status and removes null, and js-yaml keeps merge keys.
  const strict = BINDINGS.filter(({ what }) => !/status|without a value|merge key/.test(what));
  for (const { what, text } of strict.filter(({ accepted }) => accepted))
    it(`accepts what kubectl accepts: ${what}`, () => {
      assert.ok(validate(load(text.replaceAll('NAME', 'app'))), JSON.stringify(validate.errors));
    });

  it('accepts the metadata that the API server and other programs write', () => {
    for (const metadata of [
      { generateName: 'app-' },
      { name: 'app', creationTimestamp: null },
      { name: 'app', finalizers: ['a/b'], managedFields: [{ manager: 'kubectl' }], generation: 1 },
    ])
      assert.ok(validate({ ...COMPLETE, metadata }), JSON.stringify(validate.errors));
  });

  it('refuses another kind, another version, and an object without metadata or spec', () => {
    const { metadata: _, ...nameless } = COMPLETE;
    const { spec: __, ...empty } = COMPLETE;
    const others = [
      { ...COMPLETE, kind: 'ImageCredentialBindng' },
      { ...COMPLETE, apiVersion: 'credentials.securecodebox.io/v1' },
      { ...COMPLETE, metadata: {} },
    ];
    for (const object of [nameless, empty, ...others]) assert.equal(validate(object), false);
  });
});
